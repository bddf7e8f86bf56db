#!/usr/bin/env python3
"""Fernet by Python's `cryptography`: reads {"keys": [newest, …], "open": [token, …], "seal": [text, …], "digest": {"place": P,
"texts": [text, …]}} and prints {"opened": [text or null, …], "sealed": [token, …], "rotated": [token or null, …], "digests": [hex, …]}.

`digests` are those of a blind index under the newest key, and written here as the guide has them for a program in Python.
"""
import hashlib
import hmac
import json
import struct
import sys
from base64 import urlsafe_b64decode

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def blind_index(key, place, text):
    """The digest of a text in the blind index of a column, such as `vault_note.owner`, under a key of ENCRYPTION_KEYS."""
    info = b"nuages digest" + struct.pack(">Q", len(place.encode())) + place.encode()
    derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(urlsafe_b64decode(key))
    return hmac.new(derived, text.encode(), hashlib.sha256)


def attempt(work, token):
    try:
        return work(token.encode()).decode()
    except InvalidToken:
        return None


given = json.load(sys.stdin)
ring = MultiFernet([Fernet(key) for key in given["keys"]])
json.dump({
    "opened": [attempt(ring.decrypt, token) for token in given["open"]],
    "sealed": [ring.encrypt(text.encode()).decode() for text in given["seal"]],
    "rotated": [attempt(ring.rotate, token) for token in given["open"]],
    "digests": [blind_index(given["keys"][0], given["digest"]["place"], text).hexdigest() for text in given["digest"]["texts"]],
}, sys.stdout)
