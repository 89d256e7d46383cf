/** Whether one gets in, how safely, and in which versions of MQTT. */
import { addressesOf } from '../../../link/addresses.ts'
import { LongshoreError } from '../../../protocol/reason.ts'
import { type Check, note, ok } from '../finding.ts'
import type { BrokerContext } from './broker-context.ts'

/** Without it nothing else can be found out; what it throws says why. */
export const checkConnection: Check<BrokerContext> = {
  name: 'connection',
  run: async ({ open, broker }) => {
    const { tls } = await open()
    if (tls !== undefined) return ok(`${tls.protocol}, the certificate of the broker is valid until ${tls.validTo}`)
    if (addressesOf(broker.url).every(isOnThisMachine)) return ok('on this machine, without TLS')
    return note({
      found: 'without TLS',
      meaning: 'whoever is on the network can read deployments and passwords, and send their own',
      remedy: 'give the broker a listener with TLS, and use mqtts:// or wss://',
    })
  },
}

const isOnThisMachine = (address: string): boolean =>
  ['localhost', '127.0.0.1', '[::1]'].includes(new URL(address).hostname)

/** A cluster of which one server is gone serves those who know the others. */
export const checkAddresses: Check<BrokerContext> = {
  name: 'addresses',
  run: async ({ open, broker }) => {
    const addresses = addressesOf(broker.url)
    const silent: string[] = []
    for (const url of addresses)
      await open({ broker: { ...broker, url } }).catch((error: Error) => silent.push(error.message))
    if (silent.length === 0) return ok(addresses.length === 1 ? 'one' : `all ${addresses.length} answer`)
    return note({
      found: silent.join('; '),
      meaning: 'the other addresses serve meanwhile',
      remedy: 'look at the servers that do not answer',
    })
  },
}

export const checkVersions: Check<BrokerContext> = {
  name: 'MQTT versions',
  run: async ({ open, broker }) => {
    const takes = async (mqttVersion: '3.1.1' | '5'): Promise<boolean> => {
      try {
        await open({ broker: { ...broker, mqttVersion } })
        return true
      } catch (error) {
        if (error instanceof LongshoreError) return false
        throw error
      }
    }
    const taken = [...((await takes('3.1.1')) ? ['3.1.1'] : []), ...((await takes('5')) ? ['5'] : [])]
    return ok(taken.join(' and '))
  },
}
