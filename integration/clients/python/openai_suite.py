"""The openai package (https://github.com/openai/openai-python) against BASE_URL.

Prints one JSON line for each case, {"case": NAME, "got": {...}} or {"case": NAME, "failed": WHY}; integration/ says
what each must get. Base URL, key and the header X-Deployment-Key are all that differs from the vendor's examples.
"""

import json
import os
import traceback

import openai
from openai import OpenAI

MODEL = "gpt-5-mini"
MESSAGES = [{"role": "user", "content": "Say hello."}]
QUESTION = "How is the weather in Oslo and Bergen?"
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOLS = [
    {
        "type": "function",
        "function": {"name": "weather", "description": "The weather in a city", "strict": True, "parameters": PARAMETERS},
    }
]
RESPONSE_TOOLS = [
    {"type": "function", "name": "weather", "description": "The weather in a city", "strict": True, "parameters": PARAMETERS}
]


def client_of(deployment):
    return OpenAI(
        base_url=os.environ["BASE_URL"],
        api_key="unused",
        default_headers={"X-Deployment-Key": deployment},
        max_retries=0,
    )


client = client_of("assistant")


def weather(city):
    return f"{city}: -3 degrees"


def usage_of(u):
    return {
        "input": u.prompt_tokens,
        "output": u.completion_tokens,
        "cached": u.prompt_tokens_details.cached_tokens,
        "reasoning": u.completion_tokens_details.reasoning_tokens if u.completion_tokens_details else 0,
    }


def response_usage_of(u):
    return {
        "input": u.input_tokens,
        "output": u.output_tokens,
        "cached": u.input_tokens_details.cached_tokens,
        "reasoning": u.output_tokens_details.reasoning_tokens,
    }


def chat():
    c = client.chat.completions.create(model=MODEL, messages=MESSAGES)
    choice = c.choices[0]
    return {"text": choice.message.content, "finish": choice.finish_reason, "model": c.model, "usage": usage_of(c.usage)}


def headers():
    h = client.chat.completions.with_raw_response.create(model=MODEL, messages=MESSAGES).headers
    return {
        "trace": len(h["x-deployment-trace-id"]),
        "variant": h["x-deployment-variant"],
        "model": h["x-deployment-model"],
        "attempts": h["x-deployment-attempts"],
    }


def chat_stream(**options):
    got = {"text": "", "pieces": 0, "finish": None, "model": None, "usage": None}
    for chunk in client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True, **options):
        got["model"] = chunk.model
        if chunk.usage:
            got["usage"] = usage_of(chunk.usage)
        for choice in chunk.choices:
            if choice.delta.content:
                got["text"] += choice.delta.content
                got["pieces"] += 1
            if choice.finish_reason:
                got["finish"] = choice.finish_reason
    return got


def chat_stream_usage():
    return chat_stream(stream_options={"include_usage": True})


def tool_turns(history, choice):
    """Answers the calls of the first turn and returns what both turns were."""
    message = choice.message
    history = [*history, message.model_dump(exclude_none=True, include={"role", "content", "tool_calls"})]
    for call in message.tool_calls:
        city = json.loads(call.function.arguments)["city"]
        history.append({"role": "tool", "tool_call_id": call.id, "content": weather(city)})
    last = client.chat.completions.create(model=MODEL, messages=history, tools=TOOLS)
    calls = [{"name": c.function.name, "arguments": json.loads(c.function.arguments)} for c in message.tool_calls]
    return {"finish": choice.finish_reason, "calls": calls, "text": last.choices[0].message.content}


def tools():
    history = [{"role": "user", "content": QUESTION}]
    first = client.chat.completions.create(model=MODEL, messages=history, tools=TOOLS)
    return tool_turns(history, first.choices[0])


def tools_stream():
    history = [{"role": "user", "content": QUESTION}]
    with client.chat.completions.stream(model=MODEL, messages=history, tools=TOOLS) as stream:
        first = stream.get_final_completion()
    return tool_turns(history, first.choices[0])


def failure(deployment, kind):
    try:
        client_of(deployment).chat.completions.create(model=MODEL, messages=MESSAGES)
    except kind as err:
        return {"status": err.status_code, "code": err.code, "type": err.type, "message": err.body["message"]}
    raise AssertionError("the request succeeded")


def without_message(got):
    del got["message"]
    return got


def rejected():
    return failure("rejecting", openai.BadRequestError)


def unknown_deployment():
    return without_message(failure("nobody", openai.NotFoundError))


def down():
    return without_message(failure("down", openai.InternalServerError))


def interrupted():
    text = ""
    try:
        for chunk in client_of("breaking").chat.completions.create(model=MODEL, messages=MESSAGES, stream=True):
            text += chunk.choices[0].delta.content or ""
    except openai.APIError as err:
        return {"text": text, "code": err.code}
    raise AssertionError("the stream ended cleanly")


def embeddings():
    e = client.embeddings.create(model="text-embedding-3-small", input=["one", "two"])
    return {"vectors": [d.embedding for d in e.data], "input": e.usage.prompt_tokens}


def responses():
    r = client.responses.create(model=MODEL, input="Say hello.")
    return {"text": r.output_text, "status": r.status, "model": r.model, "usage": response_usage_of(r.usage)}


def responses_stream():
    got = {"text": "", "pieces": 0}
    for event in client.responses.create(model=MODEL, input="Say hello.", stream=True):
        if event.type == "response.output_text.delta":
            got["text"] += event.delta
            got["pieces"] += 1
        if event.type == "response.completed":
            r = event.response
            got |= {"status": r.status, "model": r.model, "usage": response_usage_of(r.usage)}
    return got


def responses_interrupted():
    text = ""
    try:
        for event in client_of("breaking").responses.create(model=MODEL, input="Say hello.", stream=True):
            if event.type == "response.output_text.delta":
                text += event.delta
    except openai.APIError as err:
        return {"text": text, "code": err.code}
    raise AssertionError("the stream ended cleanly")


def response_turns(first):
    calls = [item for item in first.output if item.type == "function_call"]
    results = [
        {"type": "function_call_output", "call_id": c.call_id, "output": weather(json.loads(c.arguments)["city"])} for c in calls
    ]
    history = [{"role": "user", "content": QUESTION}, *[c.model_dump(exclude_none=True) for c in calls], *results]
    last = client.responses.create(model=MODEL, input=history, tools=RESPONSE_TOOLS)
    return {"calls": [{"name": c.name, "arguments": json.loads(c.arguments)} for c in calls], "text": last.output_text}


def responses_tools():
    return response_turns(client.responses.create(model=MODEL, input=QUESTION, tools=RESPONSE_TOOLS))


def responses_tools_stream():
    with client.responses.stream(model=MODEL, input=QUESTION, tools=RESPONSE_TOOLS) as stream:
        return response_turns(stream.get_final_response())


def models():
    return {"ids": [m.id for m in client.models.list()]}


for case in (
    chat,
    headers,
    chat_stream,
    chat_stream_usage,
    tools,
    tools_stream,
    rejected,
    unknown_deployment,
    down,
    interrupted,
    embeddings,
    responses,
    responses_stream,
    responses_interrupted,
    responses_tools,
    responses_tools_stream,
    models,
):
    if case.__name__ not in os.environ.get("CASES", case.__name__).split(","):
        continue
    try:
        line = {"case": case.__name__, "got": case()}
    except Exception:
        line = {"case": case.__name__, "failed": traceback.format_exc()}
    print(json.dumps(line), flush=True)
