"""Topics."""

from collections.abc import Sequence

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from libs.events.errors import BrokerUnavailable

#: Partitions of each topic. The same for every source, so that one consumer has all of a log's events.
PARTITIONS = 8
#: Consumers refuse what is compressed, so the broker undoes it, whatever it does with other topics.
_CONFIGURATION = {"compression.type": "uncompressed"}


async def ensure_topics(
    bootstrap: str, topics: Sequence[str], *, partitions: int = PARTITIONS, replicas: int = 1, timeout: float = 10.0
) -> None:
    """Makes the topics that are missing; existing ones stay as they are. `timeout` in seconds.

    Raises BrokerUnavailable, also when the broker refuses to make one.
    """
    client = AIOKafkaAdminClient(
        bootstrap_servers=bootstrap, client_id="wardenry-topics", request_timeout_ms=int(timeout * 1000)
    )
    try:
        await client.start()
        existing = set(await client.list_topics())
        missing = [
            NewTopic(topic, partitions, replicas, topic_configs=_CONFIGURATION)
            for topic in topics
            if topic not in existing
        ]
        if missing:
            response = await client.create_topics(missing)
            # Its calls return error codes instead of raising.
            for topic, code, *_ in response.topic_errors:
                error = for_code(code)
                if code != 0 and error is not TopicAlreadyExistsError:
                    raise BrokerUnavailable(f"the broker did not make the topic {topic}: {error.__name__}")
    except (KafkaError, OSError, TimeoutError) as error:
        raise BrokerUnavailable(f"the broker at {bootstrap} does not answer: {type(error).__name__}") from error
    finally:
        await client.close()
