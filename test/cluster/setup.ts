/** What all tests on a cluster need: a cluster, and the custom resource in it. */
import { execFileSync } from 'node:child_process'

/** Rejects, and says why, if there is no cluster to test on. */
export default function setup(): void {
  if (process.env['KUBECONFIG'] === undefined) {
    throw new Error('KUBECONFIG must name the cluster to test on; its nodes must have the image of CLUSTER_IMAGE.')
  }
  execFileSync('kubectl', ['apply', '--server-side', '--force-conflicts', '-f', 'crds/'], { stdio: 'inherit' })
}
