/** Follows one deployment on one device until it is over. */
import type { Deployment } from '../protocol/deployment.ts'
import { readPayload } from '../protocol/payload.ts'
import { type Progress, progressSchema } from '../protocol/progress.ts'
import { LongshoreError } from '../protocol/reason.ts'
import { type Reported, reportedSchema } from '../protocol/reported.ts'
import { type Status, statusSchema } from '../protocol/status.ts'
import type { Fleet } from './fleet.ts'
import { type Ending, endingOf } from './outcome.ts'

export type WaitEvent =
  | { readonly kind: 'reported'; readonly device: string; readonly reported: Reported }
  | { readonly kind: 'progress'; readonly device: string; readonly progress: Progress }
  | { readonly kind: 'status'; readonly device: string; readonly status: Status }

export type WaitInput = {
  readonly deployment: Deployment
  readonly before: Reported | undefined
  readonly timeoutMs: number
  readonly onEvent: (event: WaitEvent) => void
  readonly signal?: AbortSignal
}

/** @throws LongshoreError no-answer when the time is up, with what was last seen; the reason of `signal` */
export const waitForEnding = async (fleet: Fleet, input: WaitInput): Promise<Ending> => {
  const { deployment, before, timeoutMs, onEvent } = input
  const { device, app } = deployment
  const { topics } = fleet
  let last: Reported | undefined
  let status: Status | undefined
  let finish: ((ending: Ending) => void) | undefined
  const ended = new Promise<Ending>((resolve) => {
    finish = resolve
  })
  const end = await fleet.watch(
    [topics.reported(device, app), topics.progress(device, app), topics.status(device)],
    ({ topic, payload }) => {
      switch (topics.parse(topic)?.kind) {
        case 'reported': {
          const read = readPayload(reportedSchema, payload, Number.POSITIVE_INFINITY)
          if (!read.ok) return
          last = read.value
          const ending = endingOf(deployment, last, before)
          if (ending !== undefined || last.generation === deployment.generation)
            onEvent({ kind: 'reported', device, reported: last })
          if (ending !== undefined) finish?.(ending)
          return
        }
        case 'progress': {
          const read = readPayload(progressSchema, payload, Number.POSITIVE_INFINITY)
          if (read.ok && read.value.generation === deployment.generation)
            onEvent({ kind: 'progress', device, progress: read.value })
          return
        }
        case 'status': {
          const read = readPayload(statusSchema, payload, Number.POSITIVE_INFINITY)
          if (!read.ok) return
          status = read.value
          onEvent({ kind: 'status', device, status })
          return
        }
        default:
          return
      }
    },
  )
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new LongshoreError('no-answer', lateMessage(deployment, last, status, timeoutMs))),
      timeoutMs,
    )
    input.signal?.addEventListener('abort', () => reject(input.signal?.reason), { once: true })
  })
  try {
    return await Promise.race([ended, late])
  } finally {
    clearTimeout(timer)
    await end()
  }
}

const lateMessage = (
  { device, generation }: Deployment,
  last: Reported | undefined,
  status: Status | undefined,
  timeoutMs: number,
): string => {
  const seconds = Math.round(timeoutMs / 1000)
  if (status === undefined) return `${device}: no device of this id was ever seen on this broker (waited ${seconds} s)`
  if (!status.online)
    return `${device} is offline; the deployment stays on the broker until it is back (waited ${seconds} s)`
  if (last?.generation !== generation) return `${device} has not taken the deployment up (waited ${seconds} s)`
  const waiting = last.waitingFor?.map(({ message }) => message).join('; ') ?? last.reason?.message
  return `${device} is still ${last.phase}${waiting === undefined ? '' : `: ${waiting}`} (waited ${seconds} s)`
}
