from dataclasses import dataclass

import messages_pb2
from parley import MessageSerializer


# completed: the messages as the programs have them
@dataclass
class TaskRequest:
    task_id: str
    data: str


@dataclass
class TaskResponse:
    task_id: str
    result: str


class TaskRequestSerializer(MessageSerializer[TaskRequest]):
    @property
    def data_content_type(self) -> str:
        return "application/protobuf"

    def serialize(self, message: TaskRequest) -> bytes:
        proto = messages_pb2.TaskRequest(task_id=message.task_id, data=message.data)
        return proto.SerializeToString()

    def deserialize(self, data: bytes) -> TaskRequest:
        proto = messages_pb2.TaskRequest()
        proto.ParseFromString(data)
        return TaskRequest(task_id=proto.task_id, data=proto.data)


# completed: the same for the response
class TaskResponseSerializer(MessageSerializer[TaskResponse]):
    @property
    def data_content_type(self) -> str:
        return "application/protobuf"

    def serialize(self, message: TaskResponse) -> bytes:
        return messages_pb2.TaskResponse(task_id=message.task_id, result=message.result).SerializeToString()

    def deserialize(self, data: bytes) -> TaskResponse:
        proto = messages_pb2.TaskResponse.FromString(data)
        return TaskResponse(task_id=proto.task_id, result=proto.result)
