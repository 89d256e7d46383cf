/** What devices retain and tell, as short as it may be. */
import type { BridgeStatus } from '../../src/protocol/bridge.ts'
import type { Inventory } from '../../src/protocol/inventory.ts'
import { writePayload } from '../../src/protocol/payload.ts'
import type { Reported, ServiceReport } from '../../src/protocol/reported.ts'
import type { Status } from '../../src/protocol/status.ts'

export const statusOf = (more: Partial<Status> = {}): Buffer =>
  writePayload({ schema: 1, at: 1_790_000_000_000, online: true, session: 1, agent: '1.2.3', ...more })

export const bridgeStatusOf = (site: string, online: boolean): Buffer =>
  writePayload({
    schema: 1,
    at: 1_790_000_000_000,
    online,
    site,
    version: '1.2.3',
    instance: 'a',
  } satisfies BridgeStatus)

export const inventoryOf = (more: Partial<Inventory> = {}): Buffer =>
  writePayload({
    schema: 1,
    at: 1_790_000_000_000,
    session: 1,
    hostname: 'press',
    os: { name: 'Debian', version: '12', kernel: '6.1' },
    arch: 'arm64',
    cpuCount: 4,
    memoryBytes: 2_000_000_000,
    engine: null,
    agent: { version: '1.2.3', startedAt: 1, namePrefix: '' },
    capabilities: [],
    ...more,
  })

export const serviceOf = (more: Partial<ServiceReport> = {}): ServiceReport => ({
  state: 'running',
  health: 'none',
  image: 'web:1',
  restarts: 0,
  ...more,
})

export const digest = `sha256:${'0123456789abcdef'.repeat(4)}`

export const reportedOf = (app: string, more: Partial<Reported> = {}): Buffer =>
  writePayload({
    schema: 1,
    at: 1_790_000_000_000,
    session: 1,
    app,
    generation: 7,
    release: digest,
    phase: 'running',
    since: 1,
    running: { generation: 7, release: digest },
    services: { web: serviceOf() },
    ...more,
  })

export const telemetryOf = (
  metrics: Readonly<Record<string, unknown>>,
  { epoch = 10, seq = 1, at = 1_790_000_000_000 } = {},
): Buffer => writePayload({ schema: 1, class: 'telemetry', epoch, seq, at, session: 1, ...metrics })
