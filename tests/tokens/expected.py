"""Writes expected.tsv: the token counts of corpus.jsonl by Python's tiktoken, which shares no code with this project.

Needs `pip install tiktoken` and the vocabularies in TIKTOKEN_CACHE_DIR (without it tiktoken downloads them). Run it in this
folder when the corpus changes: python3 expected.py > expected.tsv
"""

import hashlib
import json
import sys

import tiktoken

encodings = [tiktoken.get_encoding(name) for name in ("cl100k_base", "o200k_base")]
print(f"# by Python tiktoken {tiktoken.__version__}, encode_ordinary: id, then count and SHA-256 of the ids (comma-separated) of")
print("# cl100k_base, then of o200k_base")
for line in open("corpus.jsonl", encoding="utf-8"):
    entry = json.loads(line)
    cells = [entry["id"]]
    for encoding in encodings:
        ids = encoding.encode_ordinary(entry["text"])
        if encoding.decode(ids) != entry["text"]:
            sys.exit(f"{entry['id']}: does not come back")
        cells += [str(len(ids)), hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()[:16]]
    print("\t".join(cells))
