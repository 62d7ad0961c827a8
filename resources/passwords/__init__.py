"""Which passwords may be chosen.

Length counts and composition does not (OWASP ASVS 5.0, 6.2; NIST SP 800-63B): 8 to 256 characters
of any kind, none of those that everybody tries first, and not one's own name or address.
"""

from __future__ import annotations

from resources.passwords.choosing import MAX_LENGTH, MIN_LENGTH, WeakPasswordError, check_choice

__all__ = ["MAX_LENGTH", "MIN_LENGTH", "WeakPasswordError", "check_choice"]
