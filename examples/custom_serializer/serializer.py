import json
from dataclasses import dataclass

from parley import MessageSerializer


# completed: the message
@dataclass
class MyMessage:
    field1: str
    field2: int


class DistributedMessageSerializer(MessageSerializer[MyMessage]):
    @property
    def data_content_type(self) -> str:
        return "application/json"

    @property
    def type_name(self) -> str:
        return "my_message_v1"  # Versioned type name

    def serialize(self, message: MyMessage) -> bytes:
        data = {"version": 1, "field1": message.field1, "field2": message.field2}
        return json.dumps(data).encode("utf-8")

    def deserialize(self, data: bytes) -> MyMessage:
        obj = json.loads(data.decode("utf-8"))
        if obj["version"] != 1:
            raise ValueError(f"Unsupported version: {obj['version']}")
        return MyMessage(field1=obj["field1"], field2=obj["field2"])


# completed: what a newer program writes, to see what becomes of it
class NewerMessageSerializer(DistributedMessageSerializer):
    def serialize(self, message: MyMessage) -> bytes:
        return json.dumps({"version": 2, "field1": message.field1, "field2": message.field2}).encode("utf-8")
