"""AUC of a source of groups.csv by the model of the finished run, and by one that was trained without that source.

Each source is left out in a folder of its own below --out, with the run's settings; the run itself stays as it is. Faces,
redrawn pictures and spectral numbers are taken from it, nets and trees are trained again. A killed command goes on where it stopped.
"""

import argparse
import json
import shutil
import sys
from contextlib import chdir
from pathlib import Path
from typing import Any
from urllib.parse import quote

from models.errors import UserError
from pipeline import embed, evaluate, faces, finetune, generate, manifest, spectral, train
from pipeline.runtime import params, paths, yaml_file
from pipeline.storage.files import link_or_copy


def train_without(source: str, folder: Path) -> dict[str, Any]:
    """Run the stages up to evaluate in a folder of their own; returns its evaluation."""
    settings = params.read().model_dump(mode="json")
    settings["manifest"]["holdout_source"] = source
    settings["evaluate"]["ablation_num_boost_round"] = 1  # nobody looks at the refits without each block
    nets, backbones = settings["finetune"]["nets"], settings["embed"]["backbones"]
    for section in [settings["data"], *nets.values(), *backbones.values()]:
        for key in {"root", "weights"} & set(section):
            if Path(section[key]).exists():  # else it is a word, such as `auto`
                section[key] = str(Path(section[key]).absolute())
    folder.mkdir(parents=True, exist_ok=True)
    for path in (paths.FILES, paths.FACES, paths.GENERATED, paths.FEATURES / "spectral"):
        if path.is_dir() and not (folder / path).exists():
            shutil.copytree(path, folder / path, copy_function=link_or_copy)
    (folder / params.PARAMS_FILE).write_text(yaml_file.dump(settings), encoding="utf-8")
    stages: list[tuple[Any, list[str]]] = [(manifest, []), (faces, []), (generate, []), (spectral, [])]
    stages += [(embed, [name]) for name in backbones] + [(finetune, [name]) for name in nets]
    with chdir(folder):
        for stage, arguments in [*stages, (train, []), (evaluate, [])]:
            stage.main(arguments)
        return dict(json.loads(paths.EVALUATION.read_text(encoding="utf-8")))


def written(figure: dict[str, float | None]) -> str:
    """A figure with its 95 % interval, where it has one."""
    low, high = figure["low"], figure["high"]
    return f"{figure['value']:.3f}" + ("" if low is None else f" [{low:.3f}, {high:.3f}]")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", nargs="?", help="as groups.csv names it; without it, every source in turn")
    parser.add_argument("--out", type=Path, default=Path("leave_out"), help="default: %(default)s")
    options = parser.parse_args()
    if not paths.EVALUATION.is_file() or params.load("manifest").holdout_source is not None:
        raise UserError("a finished run of all sources is needed: no manifest.holdout_source, `make repro`")
    run = json.loads(paths.EVALUATION.read_text(encoding="utf-8"))
    seen, trained = run["val"]["by_source"], run["leave_one_source_out"]
    sources = [name for name in seen if trained.get(name, {}).get("in_train") and seen[name]["auc"]]
    if not sources or options.source not in (None, *sources):
        known = ", ".join(sources) or "none: two in train are needed, with both classes in val"
        raise UserError(f"source '{options.source or ''}' cannot be left out; those that can are {known}")
    print(f"{'source':<16}  val images  AUC seen              AUC unseen")
    for name in [options.source] if options.source else sources:
        unseen = train_without(name, options.out / f"without_{quote(name, safe='')}")["val"]["by_source"]
        areas = [f"{written(figures[name]['auc']):<20}" for figures in (seen, unseen)]
        print(f"{name:<16}  {unseen[name]['n']:>10}  {'  '.join(areas)}".rstrip(), flush=True)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(2) from None
