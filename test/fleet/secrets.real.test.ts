/** What secrets need of a broker beyond keeping them: copies for who subscribes again, and one order for all. */
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { pino } from 'pino'
import { describe, expect, onTestFinished, test } from 'vitest'
import { connectFleet, type Fleet } from '../../src/fleet/fleet.ts'
import { putSecrets, readSecrets } from '../../src/fleet/secrets.ts'
import { brokers } from '../support/brokers.ts'

describe.each(brokers)('over $name', ({ start }) => {
  test('many operators at once lose nothing', async () => {
    const { url, stop } = await start()
    onTestFinished(stop)
    const connect = async (): Promise<Fleet> => {
      const fleet = await connectFleet({ broker: { url }, root: 'longshore', log: pino({ level: 'silent' }) })
      onTestFinished(fleet.close)
      return fleet
    }
    const recipient = await identityToRecipient(await generateX25519Identity())
    const change = { device: 'gw', app: 'shop', by: 'somebody', now: Date.now(), recipient, set: {}, remove: [] }
    const fleets = await Promise.all(Array.from({ length: 4 }, connect))
    const [first, ...others] = fleets as [Fleet, ...Fleet[]]
    const before = await putSecrets(first, { ...change, set: { kept: Buffer.from('1') } })
    await Promise.all(
      others.map((fleet, index) => putSecrets(fleet, { ...change, set: { [`new-${index}`]: Buffer.from('2') } })),
    )
    const after = await readSecrets(first, 'gw', 'shop')
    expect(Object.keys(after?.secrets ?? {})).toEqual(['kept', 'new-0', 'new-1', 'new-2'])
    expect(after?.secrets.kept).toEqual(before?.secrets.kept)
    await putSecrets(first, { ...change, remove: ['kept', 'new-0', 'new-1', 'new-2'] })
    expect(await readSecrets(first, 'gw', 'shop')).toBeUndefined()
  })
})
