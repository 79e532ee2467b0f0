"""The topics of the event stream, one for each source."""

from collections.abc import Sequence

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, for_code

from deploy.local.secrets import SOURCES

TOPICS = tuple(f"wardenry.{source}.v1" for source in SOURCES)
PARTITIONS = 8
NO_ERROR = 0
ALREADY_EXISTS = 36
#: The broker's own default, where it has one.
BROKER_DEFAULT = -1


class TopicsMissing(Exception):
    """The broker does not answer, or does not make the topics. The text says which."""


async def ensure_topics(bootstrap: str, *, topics: Sequence[str] = TOPICS, embedded: bool) -> None:
    """Create the topics that are not there. Raises TopicsMissing."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5000)
    try:
        await admin.start()
        replication = 1 if embedded else BROKER_DEFAULT
        response = await admin.create_topics([NewTopic(topic, PARTITIONS, replication) for topic in topics])
    except (KafkaError, OSError) as error:
        raise TopicsMissing(f"the Kafka broker at {bootstrap} does not answer ({type(error).__name__})") from error
    finally:
        await admin.close()
    for topic, code, *_ in response.topic_errors:
        if code not in (NO_ERROR, ALREADY_EXISTS):
            raise TopicsMissing(f"the Kafka broker at {bootstrap} did not make {topic} ({for_code(code).__name__})")
