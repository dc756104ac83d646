"""pipecat with its Gemini Live service, over google-genai.

A pipeline of the service and one processor behind it that takes what comes out. Audio goes into the service's
queue_frame, which is what the processor before it in a pipeline calls. Left off: its debug log, metrics but for the
tokens, turn tracking, RTVI. Not counted: transports, voice activity detection, aggregators.
"""

import asyncio
import sys
from typing import Any

from loguru import logger
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    LLMContextFrame,
    MetricsFrame,
    TTSAudioRawFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.metrics.metrics import LLMUsageMetricsData
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.google.gemini_live.llm import GeminiLiveLLMService, GeminiVADParams
from pipecat.workers.runner import WorkerRunner

from bench.live_clients import MODEL, Collector, Link
from bench.live_clients.google import redirect

RATE_HZ = 16_000


class Sink(FrameProcessor):  # type: ignore[misc]
    """The end of the pipeline: takes the sound of both directions and the counts, passes on the rest."""

    def __init__(self, collector: Collector) -> None:
        super().__init__(enable_direct_mode=True)
        self._collector = collector

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Called by the pipeline."""
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSAudioRawFrame):
            self._collector.heard(len(frame.audio))
        elif isinstance(frame, InputAudioRawFrame):
            return
        elif isinstance(frame, MetricsFrame):
            for entry in frame.data:
                if isinstance(entry, LLMUsageMetricsData):
                    self._collector.completed(entry.value.prompt_tokens, entry.value.completion_tokens)
        else:
            await self.push_frame(frame, direction)


class Pipecat(Collector):
    """See the module."""

    def __init__(self, link: Link) -> None:
        super().__init__()
        settings = GeminiLiveLLMService.Settings(model=MODEL, vad=GeminiVADParams(disabled=True))
        self.service: Any = GeminiLiveLLMService(api_key="not-a-real-key", settings=settings)
        redirect(self.service._client, link)
        self._worker = PipelineWorker(
            Pipeline([self.service, Sink(self)]),
            params=PipelineParams(enable_usage_metrics=True),
            cancel_on_idle_timeout=False,
            enable_turn_tracking=False,
            enable_rtvi=False,
        )
        self._runner = WorkerRunner(handle_sigint=False)
        self._running: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Run the pipeline until the service takes audio."""
        started = asyncio.Event()

        async def start(*_: object) -> None:
            started.set()

        self._worker.event_handler("on_pipeline_started")(start)
        await self._runner.add_workers(self._worker)
        self._running = asyncio.create_task(self._runner.run())
        await started.wait()
        await self.service.queue_frame(LLMContextFrame(context=LLMContext()))
        while not (self.service._session and self.service._ready_for_realtime_input):  # noqa: ASYNC110 (it tells nobody)
            await asyncio.sleep(0.01)

    async def begin(self) -> None:
        await self.service.queue_frame(UserStartedSpeakingFrame())

    async def send(self, chunk: bytes) -> None:
        await self.service.queue_frame(InputAudioRawFrame(audio=chunk, sample_rate=RATE_HZ, num_channels=1))

    async def end(self) -> None:
        await self.service.queue_frame(UserStoppedSpeakingFrame())

    async def close(self) -> None:
        await self._worker.cancel()
        if self._running is not None:
            await self._running


async def connect(link: Link) -> Pipecat:
    """Run a pipeline."""
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    client = Pipecat(link)
    await client.open()
    return client
