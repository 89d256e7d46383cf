/** Clears everything that the broker retains of a device that is gone for good. */
import { LongshoreError } from '../protocol/reason.ts'
import type { Fleet } from './fleet.ts'
import { readState } from './read-state.ts'

/**
 * Returns the topics that were cleared.
 * @throws LongshoreError device-online when the device is online and `force` is not given: it would only publish them again
 */
export const forgetDevice = async (fleet: Fleet, device: string, force: boolean): Promise<string[]> => {
  const { topics } = fleet
  const retained = await fleet.read([
    topics.status(device),
    topics.inventory(device),
    topics.desired(device, '+'),
    topics.secret(device, '+'),
    topics.reported(device, '+'),
  ])
  const state = readState(topics, retained).get(device)
  if (state?.status?.online === true && !force)
    throw new LongshoreError('device-online', `device ${device} is online: it would publish everything again`)
  for (const topic of retained.keys()) await fleet.publish(topic, Buffer.alloc(0), { retain: true })
  return [...retained.keys()]
}
