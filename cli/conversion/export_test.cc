// The exports of one machine that has everything, as golden texts.
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cli/conversion/dot_export.h"
#include "cli/conversion/machine_for_test.h"
#include "cli/conversion/machine_text.h"
#include "cli/conversion/mermaid_export.h"
#include "cli/conversion/scxml_export.h"
#include "cli/machine_file.h"
#include "gtest/gtest.h"

namespace swoosh {
namespace {

v1::Machine Parse(absl::string_view yaml) {
  const absl::StatusOr<MachineFile> file = ParseMachineFile("m.yaml", yaml);
  EXPECT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE(CheckMachineFile(*file).ok()) << CheckMachineFile(*file);
  return file->machine;
}

std::string Scxml(const v1::Machine& machine) {
  const absl::StatusOr<std::string> scxml = ExportScxml(machine);
  EXPECT_TRUE(scxml.ok()) << scxml.status();
  return scxml.value_or("");
}

TEST(ScxmlExport, WritesAllThatAMachineHas) {
  EXPECT_EQ(Scxml(Parse(kMachineWithEverything)), R"xml(<?xml version="1.0" encoding="UTF-8"?>
<scxml xmlns="http://www.w3.org/2005/07/scxml" xmlns:swoosh="urn:swoosh:scxml:1" version="1.0" name="every" datamodel="swoosh" initial="top" swoosh:retention="259200s">
  <datamodel>
    <data id="a b" expr="{'x': null}"/>
    <data id="list" expr="['a', 'it\'s &lt;b&gt;']"/>
    <data id="n" expr="1"/>
  </datamodel>
  <state id="top" initial="work" swoosh:root="true">
    <onentry>
      <swoosh:emit name="begun"/>
    </onentry>
    <transition event="quit" target="done" swoosh:id="quit"/>
    <parallel id="work">
      <state id="left" initial="l-1">
        <onexit>
          <cancel sendid="tick"/>
        </onexit>
        <transition event="in" target="end" type="internal"/>
        <state id="l-1">
          <onentry>
            <send event="tick" id="tick" delay="1.5s">
              <content expr="context.n"/>
            </send>
            <send event="tock" delayexpr="context.n * 2"/>
            <assign location="context.n" expr="context.n + 1"/>
          </onentry>
          <transition event="tick tock" cond="context.n &lt; 3 &amp;&amp; event.data != '&quot;'">
            <if cond="context.n &gt; 1">
              <raise event="again"/>
              <elseif cond="context.n &gt; 2"/>
              <swoosh:emit name="two"/>
              <else/>
              <send event="again" target="#_internal">
                <content expr="{'n': 1}"/>
              </send>
            </if>
          </transition>
          <transition event="again" target="end"/>
          <transition event="go" cond="context.n &gt; 0" swoosh:external_guard="may" target="end"/>
          <transition event="after.l-1" swoosh:after="900s" target="end"/>
          <transition event="after.l-1" swoosh:after_expression="context.n" target="l-1"/>
        </state>
        <final id="end">
          <donedata>
            <content expr="context.n"/>
          </donedata>
        </final>
      </state>
      <state id="right">
        <transition cond="In('end')" target="done"/>
      </state>
      <history id="back" type="deep">
        <transition target="l-1 right"/>
      </history>
    </parallel>
    <state id="rest">
      <transition event="back" target="back"/>
      <transition event="*" target="l-1 right"/>
    </state>
    <final id="done"/>
  </state>
</scxml>
)xml");
}

TEST(ScxmlExport, WritesARootThatOnlyHoldsStatesAsTheDocument) {
  const v1::Machine machine = Parse(R"yaml(
name: plain
root:
  id: other
  type: COMPOUND
  initial: [a]
  states: [{id: a, type: ATOMIC, on: [{event: x, target: [b]}]}, {id: b, type: FINAL}]
)yaml");
  const std::string scxml = Scxml(machine);
  EXPECT_EQ(scxml, R"xml(<?xml version="1.0" encoding="UTF-8"?>
<scxml xmlns="http://www.w3.org/2005/07/scxml" xmlns:swoosh="urn:swoosh:scxml:1" version="1.0" name="plain" datamodel="swoosh" initial="a" swoosh:root="other">
  <state id="a">
    <transition event="x" target="b"/>
  </state>
  <final id="b"/>
</scxml>
)xml");
}

TEST(ScxmlExport, KeepsWhiteSpaceAndRefusesWhatXmlCannotHold) {
  v1::Machine machine =
      Parse("{name: m, root: {id: m, entry: [emit: {name: e, data: \"1 +\\n\\t2\"}]}}");
  EXPECT_TRUE(absl::StrContains(Scxml(machine), "data=\"1 +&#10;&#9;2\"")) << Scxml(machine);
  machine.mutable_root()->mutable_entry(0)->mutable_emit()->set_data("'\x01'");
  EXPECT_EQ(ExportScxml(machine).status().message(),
            "swoosh:emit data: holds a character that XML can't: '\\'\\u0001\\''");
}

TEST(ScxmlExport, RefusesAContextWithAKeyWithoutAName) {
  EXPECT_EQ(ExportScxml(Parse("{name: m, context: {\"\": 1}, root: {id: m}}")).status().message(),
            "context: SCXML has no data without a name");
}

TEST(MermaidExport, DrawsAllThatAMachineDoes) {
  EXPECT_EQ(ExportMermaid(Parse(kMachineWithEverything)), R"text(---
title: "every"
---
stateDiagram-v2
  state "top<br/>entry / emit begun" as top {
    state "work" as work {
      state "H#42;" as back
      state "left<br/>exit / cancel tick" as left {
        state "l-1" as l_1
        l_1 : entry / send tick context.n as tick after 1.5s, send tock after (context.n #42; 2) s, context.n = context.n + 1
        l_1 : tick tock [context.n #60; 3 && event.data != '#34;'] / if (context.n #62; 1) { raise again } else if (context.n #62; 2) { emit two } else { raise again {'n'#58; 1} }
        state "end" as s_end
        s_end : output context.n
        s_end --> [*]
        [*] --> l_1
        l_1 --> s_end : again
        l_1 --> s_end : go [context.n #62; 0 && may?]
        l_1 --> s_end : after 15m
        l_1 --> l_1 : after (context.n) s
      }
      --
      right
    }
    rest
    done
    done --> [*]
    [*] --> work
  }
  [*] --> top
  back --> l_1
  back --> right
  left --> s_end : in (internal)
  right --> done : [In('end')]
  rest --> back : back
  rest --> l_1 : #42;
  rest --> right : #42;
  top --> done : quit
)text");
}

TEST(MermaidExport, EscapesWhatMermaidWouldReadAsSomethingElse) {
  const std::string text = ExportMermaid(Parse(R"yaml(
name: m
root:
  id: m
  initial: [end]
  states:
    - id: end
      on: [{event: a, guard: "context.x == \"%%;#:<b>`\" && context._y * 2 > 1", target: [End]}]
    - {id: End}
    - {id: e-nd}
    - {id: e.nd}
    - {id: "1"}
)yaml"));
  EXPECT_EQ(text, R"text(---
title: "m"
---
stateDiagram-v2
  state "end" as s_end
  state "End" as s_End
  state "e-nd" as e_nd
  state "e.nd" as e_nd_2
  state "1" as s_1
  [*] --> s_end
  s_end --> s_End : a [context.x == #34;#37;#37;#59;#35;#58;#60;b#62;#96;#34; && context.#95;y #42; 2 #62; 1]
)text");
}

TEST(DotExport, DrawsAllThatAMachineDoes) {
  EXPECT_EQ(ExportDot(Parse(kMachineWithEverything)), R"text(digraph "every" {
  compound=true;
  node [shape=box, style=rounded];
  subgraph "cluster_top" {
    label="top\nentry / emit begun";
    style=rounded;
    "top start" [shape=point];
    subgraph "cluster_work" {
      label="work";
      style=dashed;
      "work start" [shape=point, style=invis];
      subgraph "cluster_left" {
        label="left\nexit / cancel tick";
        style=rounded;
        "left start" [shape=point];
        "l-1" [label="l-1\nentry / send tick context.n as tick after 1.5s, send tock after (context.n * 2) s, context.n = context.n + 1\ntick tock [context.n < 3 && event.data != '\"'] / if (context.n > 1) { raise again } else if (context.n > 2) { emit two } else { raise again {'n': 1} }"];
        "end" [peripheries=2, label="end\noutput context.n"];
      }
      "right" [label="right"];
      "back" [shape=circle, label="H*"];
    }
    "rest" [label="rest"];
    "done" [peripheries=2, label="done"];
  }
  "top start" -> "work start" [lhead="cluster_work"];
  "top start" -> "done" [label="quit"];
  "left start" -> "l-1";
  "left start" -> "end" [label="in (internal)"];
  "l-1" -> "end" [label="again"];
  "l-1" -> "end" [label="go [context.n > 0 && may?]"];
  "l-1" -> "end" [label="after 15m"];
  "l-1" -> "l-1" [label="after (context.n) s"];
  "right" -> "done" [label="[In('end')]"];
  "back" -> "l-1";
  "back" -> "right";
  "rest" -> "back" [label="back"];
  "rest" -> "l-1" [label="*"];
  "rest" -> "right" [label="*"];
}
)text");
}

TEST(MachineText, WritesDurationsExactly) {
  google::protobuf::Duration duration;
  EXPECT_EQ(SecondsText(duration), "0s");
  EXPECT_EQ(DelayText(duration), "0");
  duration.set_seconds(4'530);
  EXPECT_EQ(SecondsText(duration), "4530s");
  EXPECT_EQ(DelayText(duration), "1h15m30s");
  duration.set_nanos(5'000'000);
  EXPECT_EQ(SecondsText(duration), "4530.005s");
  EXPECT_EQ(DelayText(duration), "1h15m30.005s");
}

}  // namespace
}  // namespace swoosh
