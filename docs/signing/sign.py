"""Signs and verifies calls between Chejiajia and Tongli. Copy sign() and verify(); main() is for tests."""
import hashlib
import hmac
import sys
from urllib.parse import parse_qsl, quote


def sign(secret, method, path, query, body):
    """query: pairs of decoded (name, value); body: the bytes as sent. Returns lower-case hex."""
    pairs = sorted((quote(n, safe="~"), quote(v, safe="~")) for n, v in query if n != "sign")
    canonical = "&".join(n + "=" + v for n, v in pairs)
    text = f"{method}\n{path}\n{canonical}\n".encode() + body
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def verify(secrets, method, path, raw_query, body):
    """raw_query: as received, still encoded. secrets: all that are live (two while one is rotated)."""
    try:
        query = parse_qsl(raw_query, keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=100)
    except ValueError:  # not UTF-8, or far too many
        return False
    given = [v for n, v in query if n == "sign"]
    if len(given) != 1:
        return False
    expected = [sign(s, method, path, query, body) for s in secrets]
    return any([hmac.compare_digest(e.encode(), given[0].encode()) for e in expected])


def main():
    # one case a line, see README.md
    unhex = bytes.fromhex
    for line in sys.stdin:
        secret, method, path, body, *rest = line.rstrip("\n").split("\t")
        if sys.argv[1:] == ["verify"]:
            good = verify([unhex(secret).decode()], method, path, unhex(rest[0]).decode(), unhex(body))
            print("ok" if good else "wrong")
        else:
            texts = [unhex(field).decode() for field in rest]
            print(sign(unhex(secret).decode(), method, path, list(zip(texts[::2], texts[1::2])), unhex(body)))


if __name__ == "__main__":
    main()
