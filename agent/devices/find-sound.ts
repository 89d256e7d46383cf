/** Sound cards: one each, with all of its nodes, since a program needs several of them. */
import { describeDevice, type Found, type Host } from './describe-device.ts'
import { entriesOf, nodeFacts } from './sysfs-device.ts'

export const findSoundCards = async (host: Host): Promise<readonly Found[]> => {
  const cards = (await entriesOf(host.files, '/sys/class/sound')).filter(({ name }) => /^card\d+$/.test(name))
  return Promise.all(
    cards.map(async ({ name, path }) => {
      const control = `controlC${name.slice('card'.length)}`
      const parts = (await host.files.names(path)).filter((part) => /^(control|pcm|midi|hw)C\d/.test(part))
      const [nodes, model, card] = await Promise.all([
        Promise.all(parts.map(async (part) => (await nodeFacts(host.files, `${path}/${part}`)).node ?? [])),
        host.files.line(`${path}/id`),
        describeDevice(host, { class: 'sound', name }, `${path}/${control}`),
      ])
      const { device } = card
      return { ...card, path, device: { ...device, nodes: nodes.flat(), ...(model === undefined ? {} : { model }) } }
    }),
  )
}
