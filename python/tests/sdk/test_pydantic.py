"""pydantic models as messages; collected only where pydantic is."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from pydantic import BaseModel, Field

from parley import message, try_get_known_serializers_for_type
from parley.exceptions import MalformedPayloadError


@dataclass
class Plain:
    name: str


@message("model", version=2)
class Model(BaseModel):
    name: str
    Address2: int = Field(default=3, ge=0)
    inner: Plain | None = None


def test_pydantic_models_go_through_the_same_encoder() -> None:
    (serializer,) = try_get_known_serializers_for_type(Model)
    assert serializer.type_name == "model_v2"
    data = serializer.serialize(Model(name="a", inner=Plain("b")))
    assert json.loads(data) == {"name": "a", "address2": 3, "inner": {"name": "b"}}
    assert serializer.deserialize(b'{"name": "a", "other": 1}') == Model(name="a")
    with pytest.raises(MalformedPayloadError, match="name: the member is missing"):
        serializer.deserialize(b"{}")
    with pytest.raises(MalformedPayloadError, match="Model refuses the values"):
        serializer.deserialize(b'{"name": "a", "address2": -1}')
