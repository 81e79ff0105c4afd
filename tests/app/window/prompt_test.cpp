// Prompts from files and the clipboard, cut where they are too long; chat templates.
#include <catch2/catch.hpp>

#include <QApplication>
#include <QCheckBox>
#include <QClipboard>
#include <QDialogButtonBox>
#include <QLabel>
#include <QMimeData>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QToolButton>

#include "app/window/command_text.h"
#include "app/window/loaded_model.h"
#include "app/window/prompt_dialog.h"
#include "app/window/prompt_text.h"
#include "app/window/status_line.h"
#include "core/tokenizer/chat_template.h"
#include "core/tokenizer/tokenizer.h"
#include "tests/app/window/window_fixture.h"

using namespace fovea;
using namespace fovea::test;

namespace {

const std::atomic<bool> kGoOn{false};
constexpr const char* kChatMl =
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + "
    "'\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

std::shared_ptr<const LoadedModel> withChat(const std::shared_ptr<const LoadedModel>& model) {
    auto chatty = std::make_shared<LoadedModel>(*model);
    chatty->chat = std::make_shared<const ChatTemplate>(kChatMl, "<s>", "</s>");
    REQUIRE(chatty->chat->known());
    return chatty;
}

QString pathOf(const std::filesystem::path& path) {
    return QString::fromStdString(path.string());
}

bool counted(PromptDialog& dialog) {
    return waitUntil([&] { return dialog.counted(); });
}

} // namespace

TEST_CASE("A text is cut to the longest beginning that fits, never within a character", "[window][prompt]") {
    TemporaryFolder folder;
    writeTinyModel(folder.path());
    const auto model = openModel(folder / "model.bin");
    std::string text;
    for (int i = 0; text.size() < 30'000; ++i)
        text += i % 7 == 0 ? "\xC3\xA4" : i % 5 == 0 ? " " : "word";
    for (const bool chat : {false, true})
        for (const std::int64_t room : {1, 2, 17, 100, 1000, 100'000}) {
            const auto used = chat ? withChat(model) : model;
            const FittedPrompt fitted = fitPrompt(*used, text, chat, room, kGoOn);
            INFO("room " << room << ", chat " << chat);
            CHECK(fitted.bytes == text.size());
            CHECK(text.starts_with(fitted.prompt.text));
            CHECK(fitted.prompt == encodePrompt(*used, fitted.prompt.text, chat));
            CHECK(fitted.cut() == (room < 100'000));
            const auto next = fitted.prompt.text.size();
            CHECK((next == text.size() || (static_cast<unsigned char>(text[next]) & 0xC0) != 0x80));
            const auto bare = std::ssize(encodePrompt(*used, "", chat).tokens);
            if (room <= bare) // not even the template fits
                continue;
            CHECK(std::ssize(fitted.prompt.tokens) <= room);
            if (fitted.cut()) // and little is given away
                CHECK(std::ssize(fitted.prompt.tokens) >= room - 3);
        }
}

TEST_CASE("A prompt from a file is a prompt, and one that is too long is cut and said", "[window][prompt]") {
    WindowFixture f;
    f.setTokens(100);
    const std::string before = f.document().prompt();
    putContent(f.folder / "short.txt", "\xEF\xBB\xBF" "a short text");
    f.window->openPath(pathOf(f.folder / "short.txt"));
    REQUIRE(f.rest());
    CHECK(f.document().prompt() == "a short text");
    CHECK(f.window->statusLine().message().contains("tokens"));

    putContent(f.folder / "long.txt", std::string(100'000, 'x'));
    f.window->openPath(pathOf(f.folder / "long.txt"));
    REQUIRE(f.rest());
    CHECK(std::ssize(f.document().promptTokens()) == f.document().longestPrompt());
    CHECK(f.window->statusLine().message().contains("cut to its first 156 tokens"));
    CHECK(f.run(100));
    f.window->actions().undo->trigger(); // tokens
    f.window->actions().undo->trigger();
    f.window->actions().undo->trigger();
    CHECK(f.document().prompt() == before);
}

TEST_CASE("What is no text is refused in one line and the prompt stays", "[window][prompt]") {
    WindowFixture f;
    const std::string before = f.document().prompt();
    putContent(f.folder / "binary.txt", std::string("a\0b", 3));
    for (const char* name : {"binary.txt", "nowhere.txt"}) {
        f.window->openPath(pathOf(f.folder / name));
        REQUIRE(f.rest());
        CHECK(f.window->statusLine().message().contains(name));
        CHECK_FALSE(f.window->statusLine().message().contains('\n'));
        CHECK(f.document().prompt() == before);
    }
}

TEST_CASE("The clipboard's text becomes the prompt", "[window][prompt]") {
    WindowFixture f;
    QApplication::clipboard()->setText("from the clipboard");
    f.window->actions().pastePrompt->trigger();
    REQUIRE(f.rest());
    CHECK(f.document().prompt() == "from the clipboard");
    QApplication::clipboard()->clear();
    f.window->actions().pastePrompt->trigger();
    REQUIRE(f.rest());
    CHECK(f.document().prompt() == "from the clipboard");
    CHECK(f.window->statusLine().message().contains("clipboard"));
}

TEST_CASE("The prompt's dialog cuts what does not fit when told to", "[window][prompt]") {
    WindowFixture f;
    PromptDialog dialog(f.document(), f.window->jobs());
    dialog.show();
    REQUIRE(counted(dialog));
    CHECK(dialog.fits());
    CHECK_FALSE(dialog.chat()->isVisible());
    auto* cut = dialog.findChild<QPushButton*>("cut");
    CHECK_FALSE(cut->isVisible());
    dialog.edit()->setPlainText(QString(1000, 'x'));
    REQUIRE(counted(dialog));
    CHECK_FALSE(dialog.fits());
    CHECK(cut->isVisible());
    cut->click();
    REQUIRE(waitUntil([&] { return dialog.fits(); }));
    CHECK(dialog.said().contains("cut to its first"));
    CHECK_FALSE(cut->isVisible());
    dialog.findChild<QDialogButtonBox*>()->button(QDialogButtonBox::Ok)->click();
    CHECK(std::ssize(f.document().promptTokens()) == f.document().longestPrompt());
}

TEST_CASE("A paste of megabytes is cut before an editor has to lay it out", "[window][prompt]") {
    WindowFixture f;
    PromptDialog dialog(f.document(), f.window->jobs());
    dialog.show();
    QApplication::clipboard()->setText(QString(5 << 20, 'x'));
    dialog.edit()->selectAll();
    dialog.edit()->paste();
    CHECK(dialog.edit()->toPlainText().size() < 1000);
    REQUIRE(waitUntil([&] { return dialog.said().contains("cut"); }));
    CHECK(dialog.fits());
    QApplication::clipboard()->clear();
}

TEST_CASE("A model with a chat template takes the prompt for a user's turn, when told to", "[window][prompt]") {
    WindowFixture f("hello");
    f.document().open(withChat(f.document().model()));
    const std::vector<int> plain = f.document().promptTokens();
    {
        PromptDialog dialog(f.document(), f.window->jobs());
        dialog.show();
        REQUIRE(counted(dialog));
        CHECK(dialog.chat()->isVisible());
        CHECK(dialog.chat()->text().contains("ChatML"));
        CHECK_FALSE(dialog.chat()->isChecked());
        dialog.chat()->setChecked(true);
        REQUIRE(counted(dialog));
        dialog.findChild<QDialogButtonBox*>()->button(QDialogButtonBox::Ok)->click();
    }
    CHECK(f.document().chat());
    CHECK(f.document().prompt() == "hello");
    const auto& model = *f.document().model();
    const std::string whole = "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n";
    CHECK(wholeText(model, {.text = "hello", .chat = true}) == whole);
    CHECK(f.document().promptTokens() == encodeChat(*model.tokenizer, whole));
    CHECK(compareCommand(f.controller().request()).find(" --chat") != std::string::npos);
    REQUIRE(f.run(4));
    CHECK(f.controller().runs().a->prompt == whole);
    f.window->actions().undo->trigger(); // tokens
    f.window->actions().undo->trigger();
    CHECK_FALSE(f.document().chat());
    CHECK(f.document().promptTokens() == plain);
}
