"""A verdict for other programs: SARIF for code scanning, commands for GitHub's annotations."""
