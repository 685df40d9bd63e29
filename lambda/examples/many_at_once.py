"""Ask many questions at once, for example in an ECS task."""

import asyncio

from tenant_bedrock import connect


async def ask(questions: list[str]) -> list[str]:
    """Return the answers in the order of the questions."""
    answers = await connect().chat("claude").abatch(questions)
    return [str(answer.text) for answer in answers]


print(asyncio.run(ask(["What is STS?", "What is KMS?"])))
