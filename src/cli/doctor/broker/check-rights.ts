/** What an operator must be allowed: tried on a device that does not exist, with messages that are not retained. */
import { topicsUnder } from '../../../protocol/topics.ts'
import { type Check, fails, ok } from '../finding.ts'
import type { BrokerContext } from './broker-context.ts'

/** A valid id, which the scratch topic has too: no agent has it. */
const nobody = 'longshore-doctor'

export const checkRights: Check<BrokerContext> = {
  name: 'rights of an operator',
  run: async ({ open, root }) => {
    const topics = topicsUnder(root)
    const reads = [
      ...[topics.status('+'), topics.inventory('+'), topics.reported('+', '+'), topics.desired('+', '+')],
      ...[topics.secret('+', '+'), topics.progress('+', '+'), topics.event('+'), topics.reply(nobody, '+')],
    ]
    const writes = [topics.desired(nobody, 'app'), topics.secret(nobody, 'app'), topics.command(nobody, 'id')]
    const lacking: string[] = []
    const reader = await open()
    for (const filter of reads) if ((await reader.subscribe(filter)) >= 0x80) lacking.push(`subscribe to ${filter}`)
    // What nobody may write, a device could not be told either: what comes back proves both.
    for (const topic of writes) {
      const writer = await open()
      const comes = async (): Promise<boolean> => {
        await writer.subscribe(topic)
        await writer.publish(topic, 'doctor')
        return writer.comes(topic, 'doctor', 2_000)
      }
      if (!(await comes().catch(() => false))) lacking.push(`publish to ${topic.replace(nobody, 'DEVICE')}`)
    }
    if (lacking.length === 0) return ok('devices can be read, deployed to and commanded')
    return fails({
      found: `this user may not ${lacking.join(', nor ')}`,
      meaning: 'as this user not everything of longshore works',
      remedy: `allow an operator to read and write ${root}/v1/# (docs/brokers.md)`,
    })
  },
}
