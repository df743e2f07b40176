"""The spectral blocks, one a module: importing this package imports every module, which registers its block."""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
