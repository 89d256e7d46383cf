/** Asks several devices the same thing, and says of each how it went. */
import { clockFault } from '../fleet/clock-fault.ts'
import { ask } from '../fleet/command.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { Command, Reply } from '../protocol/command.ts'
import { LongshoreError, reasonOf } from '../protocol/reason.ts'
import { showFailure } from './commands/deploy.ts'
import { exitCode, exitCodeOf, remark, say, sayJson } from './output.ts'

export type Question = {
  readonly verb: string
  readonly args: Command['args']
  readonly timeoutMs: number
  readonly json: boolean
  /** what to say of a device that did it, with the result of its reply */
  readonly done: (device: string, result: Reply['result']) => string
  /** what it says on the way; absent: nothing is said */
  readonly progress?: (device: string, result: Reply['result']) => void
}

/** The highest exit code of them all. A command is worth something now only: one that is offline does not get it later. */
export const askDevices = async (fleet: Fleet, devices: readonly string[], question: Question): Promise<number> => {
  const { verb, args, timeoutMs, json, done, progress } = question
  const codes = await Promise.all(
    devices.map(async (device) => {
      try {
        const onProgress = (reply: Reply): void => progress?.(device, reply.result)
        const reply = answered(device, await ask(fleet, { device, verb, args, timeoutMs, onProgress, now: Date.now() }))
        if (json) sayJson({ device, ...reply })
        else say(done(device, reply.result))
        return exitCode.done
      } catch (error) {
        if (json) sayJson({ device, outcome: 'failed', reason: reasonOf(error) })
        else showFailure(device, error)
        return exitCodeOf(reasonOf(error).code)
      }
    }),
  )
  return Math.max(exitCode.done, ...codes)
}

/**
 * The reply of a device that did what it was asked for; of a clock that is wrong a remark is made.
 * @throws LongshoreError with the reason of one that did not
 */
export const answered = (device: string, reply: Reply, now = Date.now()): Reply => {
  const fault = clockFault(reply.at, now)
  if (reply.outcome === 'done') {
    if (fault !== undefined) remark(`${device}: ${fault}; set it`)
    return reply
  }
  const { code = 'internal-error', message = 'no reason given' } = reply.reason ?? {}
  const clock = reply.outcome === 'expired' && fault !== undefined ? `; ${fault}: set it` : ''
  throw new LongshoreError(code as never, `${device}: ${reply.outcome}: ${message}${clock}`)
}
