/** What only one app of a device can have: host ports and container names. The first accepted one has it. */
import { doClash, hostPortsOf, hostPortText } from '../../src/compose/host-ports.ts'
import type { Model, Service } from '../../src/compose/model.ts'
import type { Reason } from '../../src/protocol/reason.ts'
import type { AppRecord } from '../store/app-record.ts'

/** The first claim of a model that another app holds; undefined: it is free to run. */
export const claimFault = (model: Model, others: readonly AppRecord[]): Reason | undefined => {
  for (const other of others) {
    const held = heldBy(other)
    for (const [name, service] of Object.entries(model.services)) {
      for (const port of hostPortsOf(service)) {
        const holder = held.find(([, rival]) => hostPortsOf(rival).some((other) => doClash(other, port)))?.[0]
        if (holder !== undefined)
          return {
            code: 'port-claimed',
            message: `host port ${hostPortText(port)} of service ${name} is published by service ${holder} of app ${other.app}`,
            path: `compose.services.${name}.ports`,
          }
      }
      const isNameHeld = held.some(
        ([, rival]) => rival.container_name !== undefined && rival.container_name === service.container_name,
      )
      if (isNameHeld)
        return {
          code: 'name-claimed',
          message: `container name ${service.container_name} of service ${name} is used by app ${other.app}`,
          path: `compose.services.${name}.container_name`,
        }
    }
  }
  return undefined
}

/** What an app has, and until its newest release has proved itself also what it may go back to. */
const heldBy = ({ accepted, lastGood }: AppRecord): [string, Service][] => {
  if (accepted === undefined || accepted.deployment.remove) return []
  const isProven = accepted.verdict?.outcome === 'succeeded'
  const models = [accepted.deployment.compose, ...(isProven || lastGood === undefined ? [] : [lastGood.compose])]
  return models.flatMap(({ services }) => Object.entries(services))
}
