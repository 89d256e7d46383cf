/** Devices of the Container Device Interface, from the files that say how an engine gives them to containers. */
import { z } from 'zod'
import type { HostFiles } from './host-files.ts'

/** Those of the second folder take the place of those of the first; for their names it is all the same. */
const folders = ['/etc/cdi', '/run/cdi'] as const

const specSchema = z.looseObject({
  kind: z.string().max(200),
  devices: z.array(z.looseObject({ name: z.string().max(200) })).max(1_000),
})

/** Sorted, as nvidia.com/gpu=0. A file that is no such file is left out: the engine says what is wrong with it. */
export const readCdiNames = async (files: HostFiles): Promise<string[]> => {
  const names = new Set<string>()
  for (const folder of folders) {
    for (const name of await files.names(folder)) {
      if (!/\.(json|yaml)$/.test(name)) continue
      const text = await files.text(`${folder}/${name}`)
      for (const device of await namesIn(name, text ?? '')) names.add(device)
    }
  }
  return [...names].sort()
}

const namesIn = async (file: string, text: string): Promise<string[]> => {
  const spec = specSchema.safeParse(await parse(file, text).catch(() => undefined))
  return spec.success ? spec.data.devices.map(({ name }) => `${spec.data.kind}=${name}`) : []
}

/** Loaded where there is such a file: most machines have none. */
const parse = async (file: string, text: string): Promise<unknown> =>
  file.endsWith('.json') ? JSON.parse(text) : (await import('yaml')).parse(text)
