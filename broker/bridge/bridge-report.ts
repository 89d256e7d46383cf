/** How the bridge is, for `longshore broker status` and the metrics. Pure. */
import type { OutboxCounts } from '../../src/outbox/contract.ts'
import type { BridgeReport } from '../../src/protocol/broker-status.ts'
import { type MessageClass, messageClasses } from '../../src/protocol/queued.ts'
import type { LongshoreError } from '../../src/protocol/reason.ts'

export const bridgeReport = (input: {
  readonly site: string
  readonly url: string
  readonly isUp: boolean
  readonly isInCircle: boolean
  readonly lastFailure: LongshoreError | undefined
  readonly stateDue: number
  readonly outbox: OutboxCounts
  readonly counts: { readonly up: number; readonly down: number }
}): BridgeReport => {
  const { site, url, isUp, isInCircle, lastFailure, stateDue, outbox, counts } = input
  const of = <T>(pick: (messageClass: MessageClass) => T): Record<MessageClass, T> =>
    Object.fromEntries(messageClasses.map((one) => [one, pick(one)])) as Record<MessageClass, T>
  return {
    site,
    url,
    state: isInCircle ? 'circle' : isUp ? 'up' : 'down',
    ...(isUp || lastFailure === undefined ? {} : { reason: { code: lastFailure.code, message: lastFailure.message } }),
    stateDue,
    queued: of((one) => {
      const { appended, sent, dropped } = outbox.classes[one]
      return { appended, sent, dropped, bytesOnDisk: outbox.classes[one].bytesOnDisk }
    }),
    isDrained: messageClasses.every((one) => outbox.classes[one].isEmpty),
    sentUp: counts.up,
    cameDown: counts.down,
  }
}
