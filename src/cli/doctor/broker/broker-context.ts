/** What the checks of a broker work with. */
import type { Broker } from '../../../link/contract.ts'
import type { Probe, ProbeInput } from '../../../link/probe.ts'

export type BrokerContext = {
  readonly broker: Broker
  readonly root: string
  /** a topic that nobody else uses, without a slash at its end */
  readonly scratch: string
  /** how long an answer may take */
  readonly timeoutMs: number
  /** Each is closed when the check is over. */
  readonly open: (input?: Partial<Omit<ProbeInput, 'timeoutMs'>>) => Promise<Probe>
  /** Publishes with QoS 1, retained, and has it cleared at the end, whatever comes. */
  readonly retain: (probe: Probe, topic: string, payload: Buffer | string) => Promise<void>
}

/**
 * What is retained under a filter, as somebody who comes new sees it: it is all there when what is published after the
 * subscription has come.
 */
export const retainedUnder = async (
  { open, scratch, timeoutMs }: BrokerContext,
  filter: string,
): Promise<ReadonlyMap<string, Buffer> | undefined> => {
  const reader = await open()
  if ((await reader.subscribe(filter)) >= 0x80) return undefined
  const mark = `${scratch}/mark`
  await reader.subscribe(mark)
  await reader.publish(mark, 'mark')
  await reader.comes(mark, 'mark')
  // Brokers need not keep an order between what is retained and what is new.
  await new Promise((resolve) => setTimeout(resolve, Math.min(500, timeoutMs)))
  return new Map(
    reader.received.filter(({ payload }) => payload.length > 0).map(({ topic, payload }) => [topic, payload]),
  )
}
