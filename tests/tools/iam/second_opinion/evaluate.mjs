// Decides identity policies with @cloud-copilot/iam-simulate: a JSON list of questions on standard input,
// and on standard output a JSON list with true for each question that the simulator allows.
import { readFileSync } from "node:fs";
import { runUnsafeSimulation } from "@cloud-copilot/iam-simulate";

const EVERYTHING = {
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }],
};

function isAllowed({ document, action, resource, context, principal, account }) {
  const simulation = {
    request: { action, principal, contextVariables: context, resource: { resource, accountId: account } },
    identityPolicies: [{ name: "policy", policy: document }],
    serviceControlPolicies: [
      { orgIdentifier: "root", policies: [{ name: "everything", policy: EVERYTHING }] },
    ],
    resourceControlPolicies: [],
  };
  return runUnsafeSimulation(simulation, {}) === "Allowed";
}

const questions = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(questions.map(isAllowed)));
