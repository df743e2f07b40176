"""How well the product and its peers tell fakes: known sources, unseen ones, changed pictures."""
