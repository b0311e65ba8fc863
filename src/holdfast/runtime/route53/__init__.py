"""Answers `ports.route53` over HTTPS. Needs the extra `route53` (botocore, aiohttp)."""
