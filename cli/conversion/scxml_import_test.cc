#include "cli/conversion/scxml_import.h"

#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "swoosh/v1/machine.pb.h"

namespace swoosh {
namespace {

constexpr char kHead[] =
    "<scxml xmlns='http://www.w3.org/2005/07/scxml' version='1.0' name='chart' "
    "datamodel='ecmascript'>\n";

// `body` in a document whose first line is <scxml>.
absl::StatusOr<v1::Machine> Import(absl::string_view body) {
  return ImportScxml("dir/my chart.scxml", absl::StrCat(kHead, body, "</scxml>"));
}

v1::Machine Parse(absl::string_view json) {
  v1::Machine machine;
  const auto status = google::protobuf::util::JsonStringToMessage(std::string(json), &machine);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return machine;
}

void ExpectImports(absl::string_view body, absl::string_view json) {
  const absl::StatusOr<v1::Machine> machine = Import(body);
  ASSERT_EQ(machine.status(), absl::OkStatus());
  const v1::Machine wanted = Parse(json);
  std::string difference;
  google::protobuf::util::MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&difference);
  EXPECT_TRUE(differencer.Compare(wanted, *machine)) << difference;
}

// That `body` is refused with "LINE: <ELEMENT>: … [CODE]".
void ExpectRefused(absl::string_view body, absl::string_view begins, absl::string_view code) {
  const absl::Status status = Import(body).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << body;
  EXPECT_TRUE(absl::StartsWith(status.message(), absl::StrCat("dir/my chart.scxml:", begins)))
      << status.message();
  EXPECT_TRUE(absl::EndsWith(status.message(), absl::StrCat(" [", code, "]"))) << status.message();
}

TEST(ScxmlImportTest, StatesEdgesAndActionsComeOver) {
  ExpectImports(R"x(
    <datamodel><data id="x" expr="2 * 3"/><data id="y"/></datamodel>
    <state id="a" initial="a2">
      <onentry><assign location="x" expr="x + 1"/></onentry>
      <onexit><raise event="left"/></onexit>
      <transition event="go.* stop." cond="x === 7" target="b" type="internal"/>
      <transition cond="In('a2')"><log label="here" expr="x"/></transition>
      <state id="a1"/>
      <state id="a2"/>
    </state>
    <final id="b"><donedata><param name="x" location="x"/></donedata></final>)x",
                R"x({"name": "chart", "context": {"x": 6, "y": null}, "root": {
      "id": "chart", "type": "COMPOUND", "initial": ["a"], "on": [{"event": "error.execution"}],
      "states": [
        {"id": "a", "type": "COMPOUND", "initial": ["a2"],
         "entry": [{"assign": {"location": "context.x", "value": "context.x + 1"}}],
         "exit": [{"raise": {"event": "left"}}],
         "on": [{"event": "go stop", "guard": "context.x == 7", "target": ["b"],
                 "internal": true}],
         "always": [{"guard": "In('a2')", "actions": [
             {"emit": {"name": "log", "data": "{'label': 'here', 'value': context.x}"}}]}],
         "states": [{"id": "a1", "type": "ATOMIC"}, {"id": "a2", "type": "ATOMIC"}]
},
        {"id": "b", "type": "FINAL", "output": "{'x': context.x}"}]
}
})x");
}

TEST(ScxmlImportTest, ParallelHistoryAndInitialComeOver) {
  ExpectImports(R"x(
    <state id="s"><initial><transition target="p1 q1"/></initial>
      <parallel id="p">
        <state id="p0"><state id="p1"/><history id="h"><transition target="p1"/></history></state>
        <state id="q0"><state id="q1"/><history id="d" type="deep"><transition target="q1"/>
        </history></state>
      </parallel>
      <state id="t"><transition event="back" target="h d"/></state>
    </state>)x",
                R"x({"name": "chart", "root": {"id": "chart", "type": "COMPOUND", "initial": ["s"],
      "states": [{"id": "s", "type": "COMPOUND", "initial": ["p1", "q1"], "states": [
        {"id": "p", "type": "PARALLEL", "states": [
          {"id": "p0", "type": "COMPOUND", "initial": ["p1"], "states": [
            {"id": "p1", "type": "ATOMIC"},
            {"id": "h", "type": "HISTORY", "history": "SHALLOW", "initial": ["p1"]}]},
          {"id": "q0", "type": "COMPOUND", "initial": ["q1"], "states": [
            {"id": "q1", "type": "ATOMIC"},
            {"id": "d", "type": "HISTORY", "history": "DEEP", "initial": ["q1"]}]}]},
        {"id": "t", "type": "ATOMIC", "on": [{"event": "back", "target": ["h", "d"]}]}]}]}})x");
}

TEST(ScxmlImportTest, SendsAndCancelsComeOver) {
  ExpectImports(R"x(
    <datamodel><data id="x" expr="1"/></datamodel>
    <state id="a"><onentry>
      <send event="now"/>
      <send eventexpr="'later'" id="l" delay=".5s" namelist="x"><param name="y" expr="[x]"/></send>
      <send event="text" delayexpr="'1500ms'"><content>  two
         words </content></send>
      <send event="json" delayexpr="x + 's'"><content>{"a": [1]}</content></send>
      <send event="inside" target="#_internal"><content expr="x"/></send>
      <cancel sendid="l"/>
      <if cond="x === 1"><raise event="one"/><elseif cond="x === 2"/><raise event="two"/>
      <else/><raise event="many"/></if>
    </onentry></state>)x",
                R"x({"name": "chart", "context": {"x": 1}, "root": {
      "id": "chart", "type": "COMPOUND", "initial": ["a"], "on": [{"event": "error.execution"}],
      "states": [{"id": "a", "type": "ATOMIC", "entry": [
        {"send": {"event": "now", "delay": "0s"}},
        {"send": {"event": "later", "id": "l", "delay": "0.5s",
                  "data": "{'x': context.x, 'y': [context.x]}"}},
        {"send": {"event": "text", "delay": "1.5s", "data": "'two words'"}},
        {"send": {"event": "json", "delayExpression": "context.x", "data": "{'a': [1]}"}},
        {"raise": {"event": "inside", "data": "context.x"}},
        {"cancel": {"id": "l"}},
        {"choose": {"branches": [
          {"guard": "context.x == 1", "actions": [{"raise": {"event": "one"}}]},
          {"guard": "context.x == 2", "actions": [{"raise": {"event": "two"}}]},
          {"actions": [{"raise": {"event": "many"}}]}]}}]}]}})x");
}

TEST(ScxmlImportTest, NamesAreMadeWhereThereAreNone) {
  const absl::StatusOr<v1::Machine> machine = ImportScxml(
      "dir/my chart.scxml", "<scxml><state/><state id='scxml'><final/></state></scxml>");
  ASSERT_EQ(machine.status(), absl::OkStatus());
  EXPECT_EQ(machine->name(), "my-chart");
  EXPECT_EQ(machine->root().id(), "scxml-2");
  EXPECT_EQ(machine->root().states(0).id(), "scxml.state1");
  EXPECT_EQ(machine->root().states(1).states(0).id(), "scxml.final1");
  EXPECT_EQ(ImportScxml("-", "<scxml><state/></scxml>")->name(), "machine");
}

TEST(ScxmlImportTest, OnlyWhatMayFailGetsAnEdgeForErrors) {
  EXPECT_EQ(Import("<state id='a'><onentry><raise event='x'/></onentry></state>")->root().on_size(),
            0);
  const absl::StatusOr<v1::Machine> machine = Import(
      "<transition event='e' target='a'/><state id='a'><onentry><assign location='x' "
      "expr='1'/></onentry></state>");
  ASSERT_EQ(machine.status(), absl::OkStatus());
  EXPECT_EQ(machine->root().on(1).event(), "error.execution");
  EXPECT_TRUE(machine->root().on(1).target().empty());
  // What is not declared can't be assigned to.
  EXPECT_EQ(machine->root().states(0).entry(0).assign().value(), "context.x");
}

TEST(ScxmlImportTest, AValueThatCantBeComputedFailsWhenTheInstanceBegins) {
  ExpectImports("<datamodel><data id='x' expr='nothing'/></datamodel><state id='a'/>",
                R"x({"name": "chart", "context": {"x": null}, "root": {
      "id": "chart", "type": "COMPOUND", "initial": ["a"], "on": [{"event": "error.execution"}],
      "entry": [{"assign": {"location": "context.x", "value": "context.nothing"}}],
      "states": [{"id": "a", "type": "ATOMIC"}]}})x");
}

TEST(ScxmlImportTest, KindsOfVariablesAreThoseOfAllThatIsAssigned) {
  const std::string assigns =
      "<datamodel><data id='x'/><data id='y' expr='1'/></datamodel><state id='a'><onentry>"
      "<assign location='x' expr='y'/></onentry>";
  EXPECT_EQ(Import(assigns + "<transition cond='x &lt; 5' target='a'/></state>")
                ->root()
                .states(0)
                .always(0)
                .guard(),
            "context.x != null && context.x < 5");
  ExpectRefused(assigns +
                    "<onexit><assign location='y' expr=\"'s'\"/></onexit>"
                    "<transition cond='x == 5' target='a'/></state>",
                "2: <transition>: ", "EXPRESSION");
}

TEST(ScxmlImportTest, ListsThatHaveTwoNamesAreNotChangedInPlace) {
  const std::string head = "<datamodel><data id='l' expr='[1]'/><data id='k'/></datamodel>";
  const std::string changes = "<assign location='l[0]' expr='2'/>";
  EXPECT_EQ(Import(head + "<state id='a'><onentry>" + changes + "</onentry></state>").status(),
            absl::OkStatus());
  ExpectRefused(head + "<state id='a'><onentry><assign location='k' expr='l'/>" + changes +
                    "</onentry></state>",
                "2: <assign>: ", "EXPRESSION");
}

TEST(ScxmlImportTest, BlocksAreMergedWhereNoneCanFail) {
  const std::string good = "<onentry><raise event='x'/></onentry>";
  const std::string bad = "<onentry><log expr='_event.data.x'/></onentry>";
  EXPECT_EQ(Import("<state id='a'>" + good + bad + "</state>")->root().states(0).entry_size(), 2);
  ExpectRefused("<state id='a'>\n" + bad + "\n" + good + "</state>",
                "4: <onentry>: ", "SEVERAL_BLOCKS");
}

TEST(ScxmlImportTest, AScriptOfAssignmentsIsAssignments) {
  const absl::StatusOr<v1::Machine> machine = Import(
      "<datamodel><data id='x' expr='1'/></datamodel><state id='a'><onentry><script>x = x * 2; "
      "x++</script></onentry></state>");
  ASSERT_EQ(machine.status(), absl::OkStatus());
  EXPECT_EQ(machine->root().states(0).entry(1).assign().value(), "context.x + 1");
}

TEST(ScxmlImportTest, WhatAMachineCantExpressIsRefusedByNameAndLine) {
  const auto in_entry = [](absl::string_view content) {
    return absl::StrCat("<state id='a'><onentry>\n", content, "</onentry></state>");
  };
  ExpectRefused("<state id='a'>\n<invoke/></state>", "3: <invoke>: ", "INVOKE");
  ExpectRefused("\n<script>f()</script><state id='a'/>", "3: <script>: ", "SCRIPT");
  ExpectRefused(in_entry("<script>f()</script>"), "3: <script>: ", "SCRIPT");
  ExpectRefused(in_entry("<script src='a.js'/>"), "3: <script>: ", "DATA_SRC");
  ExpectRefused(in_entry("<foreach array='x' item='y'/>"), "3: <foreach>: ", "FOREACH");
  ExpectRefused(in_entry("<send event='e' target='#_parent'/>"), "3: <send>: ", "SEND_TARGET");
  ExpectRefused(in_entry("<send event='e' targetexpr='x'/>"), "3: <send>: ", "SEND_TARGET");
  ExpectRefused(in_entry("<send event='e' type='http'/>"), "3: <send>: ", "SEND_TYPE");
  ExpectRefused(in_entry("<send event='e' idlocation='x'/>"), "3: <send>: ", "ID_LOCATION");
  ExpectRefused(in_entry("<send eventexpr='x'/>"), "3: <send>: ", "EVENT_EXPRESSION");
  ExpectRefused(in_entry("<send event='e' delay='soon'/>"), "3: <send>: ", "DELAY");
  ExpectRefused(in_entry("<send event='e' delayexpr='5'/>"), "3: <send>: ", "DELAY");
  ExpectRefused(in_entry("<send event=''/>"), "3: <send>: ", "EVENT");
  ExpectRefused(in_entry("<raise event='a b'/>"), "3: <raise>: ", "EVENT");
  ExpectRefused(in_entry("<cancel sendidexpr='x'/>"), "3: <cancel>: ", "SEND_ID_EXPRESSION");
  ExpectRefused(in_entry("<assign location='x' expr='f()'/>"), "3: <assign>: ", "EXPRESSION");
  ExpectRefused(in_entry("<send event='e'><content><b/></content></send>"),
                "3: <content>: ", "CONTENT");
  ExpectRefused(in_entry("<send event='e'><param name='p' expr='nothing'/></send>"),
                "3: <param>: ", "PARAM");
  ExpectRefused(in_entry("<log expr='1' level='2'/>"), "3: <log>: ", "ATTRIBUTE");
  ExpectRefused(in_entry("<if cond='true'><else/><elseif cond='true'/></if>"),
                "3: <elseif>: ", "ELEMENT");
  ExpectRefused(in_entry("text"), "2: <onentry>: ", "TEXT");
  ExpectRefused(in_entry("<x:do xmlns:x='urn:x'/>"), "3: <x:do>: ", "ELEMENT");
  ExpectRefused(
      "<state id='a'><initial><transition target='b'>\n<raise event='e'/></transition>"
      "</initial><state id='b'/></state>",
      "3: <raise>: ", "INITIAL_CONTENT");
  ExpectRefused(
      "<state id='a'><state id='b'/><history id='h'><transition target='b'>\n"
      "<raise event='e'/></transition></history></state>",
      "3: <raise>: ", "HISTORY_CONTENT");
  ExpectRefused("<state id='a'><state id='b'/>\n<history id='h'/></state>",
                "3: <history>: ", "HISTORY_DEFAULT");
  ExpectRefused("<datamodel>\n<data id='x' src='f'/></datamodel><state id='a'/>",
                "3: <data>: ", "DATA_SRC");
  ExpectRefused("<datamodel>\n<data id='x' expr=\"In('a')\"/></datamodel><state id='a'/>",
                "3: <data>: ", "DATA");
  ExpectRefused("<state id='a'/>\n<state id='a'/>", "3: <state>: ", "ID");
  ExpectRefused("\n<state id='a b'/>", "3: <state>: ", "ID");
  ExpectRefused("<state id='a'>\n<transition target='b'/></state>", "3: <transition>: ", "TARGET");
  ExpectRefused("<state id='a'>\n<transition/></state>", "3: <transition>: ", "ATTRIBUTE");
  ExpectRefused("", "1: <scxml>: ", "ELEMENT");
}

TEST(ScxmlImportTest, DocumentsOfAnotherKindAreRefused) {
  const auto message = [](absl::string_view text) {
    return std::string(ImportScxml("c", text).status().message());
  };
  EXPECT_EQ(message("<scxml datamodel='xpath'><state/></scxml>"),
            "c:1: <scxml>: the datamodel 'xpath' is not supported [DATAMODEL]");
  EXPECT_EQ(message("<scxml binding='late'><state><datamodel>\n<data id='x'/></datamodel></state>"
                    "</scxml>"),
            "c:2: <data>: data of a state that is bound when the state is entered first "
            "[LATE_BINDING]");
  for (const char* text :
       {"", "text", "<scxml>", "<scxml/><scxml/>", "<!DOCTYPE x><scxml/>", "<scxml a='1' a='2'/>",
        "<scxml>&other;</scxml>", "<x:scxml/>", "<?xml version='1.0' encoding='latin1'?><scxml/>",
        "<scxml>\xff</scxml>", "<scxml>\x01</scxml>", "<scxml>&#0;</scxml>"}) {
    EXPECT_TRUE(absl::EndsWith(message(text), " [XML]")) << text << ": " << message(text);
  }
  std::string deep = "<scxml>";
  for (int i = 0; i < 100'000; ++i) deep += "<state>";
  EXPECT_TRUE(absl::EndsWith(message(deep), " [XML]")) << message(deep);
}

TEST(ScxmlImportTest, TheNullDatamodelHasConditionsOnStatesOnly) {
  const std::string head = "<scxml datamodel='null'><state id='a'><transition target='a' cond=\"";
  EXPECT_EQ(ImportScxml("c", head + "In('a')\"/></state></scxml>").status(), absl::OkStatus());
  EXPECT_TRUE(absl::EndsWith(
      ImportScxml("c", head + "1 &lt; 2\"/></state></scxml>").status().message(), "[EXPRESSION]"));
}

TEST(ScxmlImportTest, WhatExportWritesIsReadInOurOwnLanguage) {
  const absl::StatusOr<v1::Machine> machine = ImportScxml("c", R"x(
<scxml xmlns="http://www.w3.org/2005/07/scxml" xmlns:swoosh="urn:swoosh:scxml:1" version="1.0"
       name="order" datamodel="swoosh" initial="a" swoosh:root="top" swoosh:retention="60s">
  <datamodel><data id="a b" expr="{'x': [1]}"/></datamodel>
  <state id="a">
    <onentry><swoosh:emit name="hello" data="context['a b'].x"/></onentry>
    <transition event="after.a" swoosh:after="1.5s" target="b" swoosh:id="late"/>
    <transition event="go" swoosh:external_guard="ask" target="b"/>
  </state>
  <final id="b"/>
</scxml>)x");
  // External guards and the like are the compiler's to accept; their reading is ours.
  if (!machine.ok()) {
    EXPECT_TRUE(absl::EndsWith(machine.status().message(), "[MACHINE]")) << machine.status();
    return;
  }
  EXPECT_EQ(machine->root().id(), "top");
  EXPECT_EQ(machine->retention().seconds(), 60);
  EXPECT_EQ(machine->root().states(0).after(0).delay().nanos(), 500'000'000);
  EXPECT_EQ(machine->root().states(0).after(0).id(), "late");
  EXPECT_EQ(machine->root().states(0).on(0).external_guard(), "ask");
  EXPECT_EQ(machine->root().states(0).entry(0).emit().data(), "context['a b'].x");
  EXPECT_EQ(machine->root().on_size(), 0);
}

}  // namespace
}  // namespace swoosh
