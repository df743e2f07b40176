"""What a saved net or a checkpoint may ask of `timm.create_model` beside the name of the model.

timm passes what it is given on to its loader, where `pretrained`, `pretrained_cfg`, `checkpoint_path` or `cache_dir` name
an address to ask or a file to read. Whoever writes such a record must not choose either, so what shapes a net is listed
here and nothing else is let through.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

Side = Annotated[int, Field(ge=1, le=2048)]
Rate = Annotated[float, Field(ge=0, lt=1)]
LayerName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")]


class ModelArgs(BaseModel):
    """The arguments that are let through; none is needed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    img_size: Side | Annotated[list[Side], Field(min_length=2, max_length=2)] = 224
    patch_size: Side = 16
    in_chans: Literal[3] = 3
    global_pool: Literal["", "avg", "max", "avgmax", "catavgmax", "fast", "token", "map"] = "avg"
    class_token: bool = True
    reg_tokens: Annotated[int, Field(ge=0, le=64)] = 0
    no_embed_class: bool = False
    dynamic_img_size: bool = False
    dynamic_img_pad: bool = False
    strict_img_size: bool = True
    pre_norm: bool = False
    qkv_bias: bool = True
    qk_norm: bool = False
    init_values: Annotated[float, Field(ge=0, le=10)] | None = None
    act_layer: LayerName = "relu"
    norm_layer: LayerName = "batchnorm2d"
    output_stride: Literal[8, 16, 32] = 32
    drop_rate: Rate = 0.0
    drop_path_rate: Rate = 0.0
    proj_drop_rate: Rate = 0.0
    attn_drop_rate: Rate = 0.0


def _check(args: dict[str, Any]) -> dict[str, Any]:
    """The arguments as they are. Raises ValueError, which names what is not let through."""
    try:
        ModelArgs.model_validate(args)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        if first["type"] == "extra_forbidden":
            allowed = ", ".join(ModelArgs.model_fields)
            raise ValueError(f"{name[:40]!a} is not let through to timm; allowed are {allowed}") from None
        raise ValueError(f"{name}: {first['msg']}") from None
    return args


# As a field of a record: a mapping that stays as it was given.
CheckedArgs = Annotated[dict[str, Any], AfterValidator(_check)]
