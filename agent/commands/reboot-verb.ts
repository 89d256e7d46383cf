/**
 * The verb `reboot`: the answer is on disk, and with the broker where that can be, before the machine goes. The same
 * command again after the boot gets the stored answer, and starts nothing.
 */
import type { Logger } from 'pino'
import { z } from 'zod'
import { reasonOf } from '../../src/protocol/reason.ts'
import type { RebootMachine } from '../reboot.ts'
import { type Verb, verbOf } from './verb.ts'

export type RebootVerbInput = {
  readonly machine: RebootMachine
  /** Resolves when the broker has what was queued and knows that the device goes, or after a time. */
  readonly leave: () => Promise<void>
  /** Says that the device is there after all. */
  readonly stay: () => Promise<void>
  readonly log: Logger
}

const argsSchema = z.object({ by: z.string().max(200).default('somebody') })

/** A machine that is still there after this time is not going. */
const stayAfterMs = 300_000

export const rebootVerb = ({ machine, leave, stay, log }: RebootVerbInput): Verb =>
  verbOf(argsSchema, async ({ by }) => {
    await machine.check()
    const afterwards = async (): Promise<void> => {
      log.warn({ by }, 'the machine is being rebooted on command')
      await leave()
      try {
        await machine.reboot()
        await new Promise((resolve) => setTimeout(resolve, stayAfterMs).unref())
        log.error('the machine was to be rebooted and is still there')
      } catch (error) {
        log.error({ ...reasonOf(error) }, 'the machine could not be rebooted')
      }
      await stay().catch(() => undefined) // without a connection the next birth says it
    }
    return { outcome: 'done', afterwards }
  })
