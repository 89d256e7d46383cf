/** All that is known on the device itself about how it is, as `longshore agent status` shows it. Pure. */
import { defined } from '../../src/defined.ts'
import type { Outbox } from '../../src/outbox/outbox.ts'
import type { Health } from '../../src/protocol/health.ts'
import type { AgentStatus } from '../../src/protocol/local.ts'
import { messageClasses } from '../../src/protocol/queued.ts'
import type { ReportBody } from '../reconcile/report.ts'

export type AgentStatusInput = Pick<
  AgentStatus,
  'at' | 'device' | 'agent' | 'startedAt' | 'link' | 'engine' | 'telemetry' | 'host'
> & {
  readonly health: Health
  readonly outbox: ReturnType<Outbox['counts']>
  readonly reports: Iterable<ReportBody>
}

export const agentStatus = ({ outbox, reports, ...known }: AgentStatusInput): AgentStatus => ({
  schema: 1,
  ...known,
  outbox: Object.fromEntries(
    messageClasses.map((name) => {
      const { bytesOnDisk, inMemory, dropped } = outbox.classes[name]
      return [name, { bytesOnDisk, inMemory, dropped: Object.values(dropped).reduce((sum, count) => sum + count, 0) }]
    }),
  ) as AgentStatus['outbox'],
  apps: [...reports].map(({ app, phase, outcome, reason, waitingFor, services }) => ({
    app,
    phase,
    ...defined({ outcome, reason, waitingFor }),
    services: Object.fromEntries(
      Object.entries(services).map(([name, { state, health, restarts, startedAt }]) => [
        name,
        { state, health, restarts, ...defined({ startedAt }) },
      ]),
    ),
  })),
})
