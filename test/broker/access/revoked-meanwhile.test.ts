import type { Client } from 'aedes'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { createAccess } from '../../../broker/access/access.ts'
import { openAccounts } from '../../../broker/access/accounts.ts'
import { resolveListeners } from '../../../broker/listen/listener-settings.ts'
import { openStore } from '../../../broker/persistence/store.ts'
import { createRefusals } from '../../../broker/refusals.ts'

test('a certificate that is revoked in the very moment in which it comes in is refused', async () => {
  const log = pino({ level: 'silent' })
  const bounds = {
    maxQueuedBytes: 1,
    maxQueuedBytesPerClient: 1,
    maxQueuedAgeMs: 1,
    maxSessions: 1,
    sessionExpiryMs: 1,
  }
  const common = { fsync: 'never', bounds, nowMs: () => 0, salt: () => 'x', isConnected: () => false, log } as const
  const [listener] = resolveListeners([{ type: 'tcp', host: '127.0.0.1', port: 0 }], { hasUsers: false })
  if (listener === undefined) throw new Error('there is no listener')
  let isRevoked = false
  const access = createAccess({
    accounts: await openAccounts({ users: undefined, access: undefined, changed: () => undefined, log }),
    site: { tokenFault: async () => undefined, isRevoked: () => isRevoked },
    maxFailedLogins: 1,
    store: await openStore({ files: undefined, ...common }),
    peerOf: () => ({ listener, address: 'here', shown: 'here', certificateUser: 'gw-1', certificateSerial: 'a1' }),
    refusals: createRefusals(log, () => 0),
    monotonicMs: () => 0,
  })
  const client = { id: 'gw-1', clean: true, closed: false, conn: { once: () => undefined } } as unknown as Client
  const admitted = access.admit(client, { user: undefined, password: undefined, willTopic: undefined })
  isRevoked = true
  access.closeRevoked()
  expect(await admitted).toMatchObject({ refusal: 'revokedCertificate' })
})
