/** Whether an image made for one platform runs on a machine of another. Pure. */

/** What else a machine runs by itself, without an emulator: 32 bits on 64. */
const alsoRuns: Readonly<Record<string, readonly string[]>> = { amd64: ['386'], arm64: ['arm'] }

/**
 * @param image as `linux/arm/v7`; variants are left to the engine
 * @param machine what the engine says of itself
 */
export const runsOn = (image: string, machine: { readonly os: string; readonly arch: string }): boolean => {
  const [os, architecture = ''] = image.split('/')
  return os === machine.os && [machine.arch, ...(alsoRuns[machine.arch] ?? [])].includes(architecture)
}
