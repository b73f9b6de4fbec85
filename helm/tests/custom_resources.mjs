// Validates objects of kinds that are not part of Kubernetes, as JSON on standard input, by the schemas of
// their projects. Run in the folder where @kubernetes-models are installed.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const packages = {
  'gateway.networking.k8s.io': 'gateway-api',
  'monitoring.coreos.com': 'prometheus-operator',
};

for (const object of JSON.parse(readFileSync(0))) {
  const [group] = object.apiVersion.split('/');
  const file = `node_modules/@kubernetes-models/${packages[group]}/${object.apiVersion}/${object.kind}.js`;
  const { [object.kind]: Model } = await import(pathToFileURL(file));
  try {
    new Model(object).validate();
  } catch (error) {
    console.log(`${object.kind} ${object.metadata.name}: ${error.message}`);
    process.exitCode = 1;
  }
}
