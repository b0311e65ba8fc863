"""The network manager: configuration documents to hosts. So far its rules; the room follows."""
