/** Which run of the machine this is. */
import { readFile } from 'node:fs/promises'

/** Another one after each boot; where the kernel tells none, another one for each process. */
export const bootId = async (): Promise<string> => {
  const text = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => undefined)
  return text?.trim() ?? `process-${process.pid}-${Date.now()}`
}
