// The filter language: every example that Python is held to as well, and what only the page does.
import { describe, expect, it } from "vitest";
import shared from "../../tests/query_cases.json";
import { CERTAINTY } from "../src/protocol/source";
import { classText, complete, groupText } from "../src/query/complete";
import { withCondition } from "../src/query/fields";
import { epochsNeeded, holds, type Outputs, type Samples } from "../src/query/holds";
import { parse } from "../src/query/parse";

const { vocabulary, samples: table, epoch, cases } = shared;
const predictions: Record<string, number[]> = table.predictions;
const samples: Samples = {
  labels: table.labels,
  split: table.test.map(Number),
  groups: new Map(Object.entries(table.groups).map(([name, of]) => [name, of.map(Number)])),
  epoch,
  outputs: (of) => ({ predictions: predictions[of], confidence: table.confidence }) as Outputs,
  certainty: 1,
};

describe("the shared examples", () => {
  it.each(cases.map((example) => [JSON.stringify(example.text), example] as const))(
    "%s",
    (_, example) => {
      const query = parse(example.text, vocabulary);
      expect(query.conditions).toEqual(example.conditions);
      expect(query.problems).toEqual(example.problems);
      const mask = holds(query, samples);
      expect([...mask.keys()].filter((i) => mask[i] === 1)).toEqual(example.shown);
    },
  );
});

describe("what a filter needs", () => {
  it.each([
    ["label:cat #1 flipped split:test", []],
    ["wrong", [7]],
    ["conf<0.5 pred:cat", [7]],
    ["changed:0-3 -correct", [0, 3, 7]],
  ])("%s", (text, epochs) => {
    expect(epochsNeeded(parse(text, vocabulary), 7)).toEqual(epochs);
  });
});

describe("confidence as it is sent", () => {
  const sent = Uint16Array.from({ length: CERTAINTY + 1 }, (_, i) => i);
  const shown = (text: string) => {
    const nobody = new Int8Array(sent.length);
    const mask = holds(parse(text, { ...vocabulary, n: sent.length }), {
      ...samples,
      labels: nobody,
      outputs: () => ({ predictions: nobody, confidence: sent }),
      certainty: CERTAINTY,
    });
    return [...mask.keys()].filter((i) => mask[i] === 1);
  };

  it("falls on its own side of every level of four digits", () => {
    for (let digits = 0; digits <= 10_000; digits += 400) {
      const exact = 6 * digits;
      const level = (digits / 10_000).toFixed(4);
      expect(shown(`conf<${level}`).at(-1)).toBe(exact > 0 ? exact - 1 : undefined);
      expect(shown(`conf>=${level}`)[0]).toBe(exact);
    }
    expect(shown("conf<=60%").at(-1)).toBe(36_000);
    expect(shown("conf>60%")[0]).toBe(36_001);
    expect(shown("conf:0-1")).toHaveLength(sent.length);
  });
});

describe("completion", () => {
  const offered = (text: string, caret = text.length) =>
    complete(text, caret, vocabulary).options.map((option) => option.text);
  const taken = (text: string, place = 0, caret = text.length) => {
    const { start, end, options } = complete(text, caret, vocabulary);
    return text.slice(0, start) + options[place]?.text + text.slice(end);
  };

  it.each([
    ["label:", ["cat", "Dog", '"red fox"', "4", '"cat, \\"tame\\""', "none"]],
    ["wrong -LABEL:RE", ['"red fox"']],
    ['label:cat,"red', ['"red fox"']],
    ["pred:dog,ca", ["cat", '"cat, \\"tame\\""']],
    ["split:", ["train", "test"]],
    ["split:te", ["test"]],
    ["changed:", ["0-", "3-", "7-"]],
    ["changed:3-", ["3-0", "3-7"]],
    ["fox", ['label:"red fox"', 'pred:"red fox"']],
    ["lab", ["label:", '"label noise"']],
    ["corr", ["correct", '"correct"']],
    ["group:fl", ["flipped"]],
    ["flipped", []],
    ["conf<0.", []],
    ["nothing:", []],
    ["#1", []],
  ])("%s", (text, options) => {
    expect(offered(text)).toEqual(options);
  });

  it("puts what is chosen in the place of what is typed, and leaves the rest", () => {
    expect(taken("🦊 label:ca wrong", 0, "🦊 label:ca".length)).toBe("🦊 label:cat wrong");
    expect(taken('label:cat,"re wrong', 0, 'label:cat,"re'.length)).toBe('label:cat,"red fox"');
    expect(taken("label:d,cat", 0, "label:d".length)).toBe("label:Dog,cat");
  });

  it("writes every name so that it is read as that name", () => {
    for (const [i] of vocabulary.classes.entries()) {
      const [condition] = parse(`label:${classText(i, vocabulary)}`, vocabulary).conditions;
      expect(condition?.values).toEqual([i]);
    }
    const names = ["flipped", "label noise", "correct", "-x", "#1", "a:b", 'q"\\', "größe", ""];
    for (const name of names) {
      const { conditions } = parse(groupText(name), { ...vocabulary, groups: names });
      expect(conditions).toEqual([{ kind: "group", negated: false, values: [name] }]);
    }
    const twice = { ...vocabulary, classes: ["a", "a", ""] };
    expect([0, 1, 2].map((i) => classText(i, twice))).toEqual(["a", "1", "2"]);
  });
});

describe("a condition by a field", () => {
  it("takes the place of those of its kind, and leaves what it does not understand", () => {
    const text = "oops label:cat wrong -label:dog";
    expect(withCondition(text, ["label"], "label:4", vocabulary)).toBe(
      "oops wrong -label:dog label:4",
    );
    expect(withCondition(text, ["correct", "wrong"], "", vocabulary)).toBe(
      "oops label:cat -label:dog",
    );
  });
});
