"""The operator's command beside the whole suite."""

import pytest

from tests.support.operator import Wardenry
from tests.support.stack import LocalStack


@pytest.fixture
def wardenry(stack: LocalStack) -> Wardenry:
    return Wardenry(home=stack.home)
