"""English words to which the stemmer gives the stem of another: `embedded` is not about `embeddings`, `training` not about
trains.

The same file lies in each worker that needs it, since folders are deployed alone.
"""

from __future__ import annotations

UNLIKE = {
    word: kept
    for kept, words in {
        "embedded": "embedded",
        "embed": "embed embeds embedding embeddings",
        "university": "university universities",
        "universe": "universe universes",
        "organic": "organic organically",
        "organization": "organization organizations organisation organisations organizational",
        "several": "several",
        "internal": "internal internally",
        "experiment": "experiment experiments experimental experimenting",
        "important": "important importance importantly",
        "animal": "animal animals",
        "customer": "customer customers",
        "position": "position positions",
        "conservative": "conservative conservatives",
        "authority": "authority authorities",
        "training": "training trainings trained trainer trainers",
        "marketing": "marketing",
    }.items()
    for word in words.split()
}
