# completed: the message class that both programs share
from dataclasses import dataclass


@dataclass
class DataEvent:
    data: str
