// Reads a store with KDE's mail importer, or an index of KMail with the reader that KDE's mixed Maildir resource has.
//
// Run by readers.py. Built on Debian 12 with libkf5mailimporter-dev, and libkmindexreader.so.5 of kdepim-runtime, 22.12.3 both
// (`dpkg-deb -x` will do): g++ -std=c++17 -fPIC kde.cpp -o kde $(pkg-config --cflags --libs Qt5Widgets)
// $(printf -- '-I%s ' /usr/include/KF5 /usr/include/KF5/*) -lKF5MailImporter -lKF5Archive -lKF5AkonadiMime libkmindexreader.so.5
//
// Arguments: the name of a filter and a directory; or "index", an index, and offsets or names of files to ask it for. A line
// for every message: folder, flags and keywords (each apart by spaces), and the text in base64; between these, tabs.
#include <Akonadi/MessageStatus>
#include <MailImporter/FilterEvolution>
#include <MailImporter/FilterEvolution_v3>
#include <MailImporter/FilterImporterBase>
#include <MailImporter/FilterInfo>
#include <MailImporter/FilterInfoGui>
#include <MailImporter/FilterKMail_maildir>
#include <MailImporter/FilterOE>
#include <MailImporter/FilterOpera>
#include <MailImporter/FilterPMail>
#include <MailImporter/FilterSylpheed>
#include <MailImporter/FilterTheBat>
#include <QApplication>
#include <QFile>
#include <QSharedPointer>
#include <QStringList>
#include <cstdio>

// The part of libkmindexreader's interface that is used here; Debian has no header of it.
class KMIndexData
{
public:
    Akonadi::MessageStatus &status();
    QStringList tagList() const;
};

class KMIndexReader
{
public:
    explicit KMIndexReader(const QString &file);
    ~KMIndexReader();
    bool readIndex();
    QSharedPointer<KMIndexData> dataByOffset(quint64 offset) const;
    QSharedPointer<KMIndexData> dataByFileName(const QString &name) const;

private:
    alignas(16) char unknown[4096];
};

static void print(const QString &folder, const QStringList &flags, const QStringList &keywords, const QByteArray &text)
{
    std::printf("%s\t%s\t%s\t%s\n", qUtf8Printable(folder), qUtf8Printable(flags.join(QLatin1Char(' '))),
                qUtf8Printable(keywords.join(QLatin1Char(' '))), text.toBase64().constData());
}

class Printer : public MailImporter::FilterImporterBase
{
public:
    using FilterImporterBase::FilterImporterBase;

    bool importMessage(const QString &folder, const QString &path, bool, const MailImporter::MessageStatus &status) override
    {
        QFile file(path);
        if (!file.open(QIODevice::ReadOnly)) {
            return false;
        }
        QStringList flags, keywords;
        if (status.isReplied()) {
            flags << QStringLiteral("\\Answered");
        }
        if (status.isDeleted()) {
            flags << QStringLiteral("\\Deleted");
        }
        if (status.isRead()) {
            flags << QStringLiteral("\\Seen");
        }
        if (status.isForwarded()) {
            keywords << QStringLiteral("$Forwarded");
        }
        print(folder, flags, keywords, file.readAll());
        return true;
    }
};

template<typename Filter>
static void read(MailImporter::FilterInfo &info, const QString &directory)
{
    Printer printer(&info);
    Filter filter;
    filter.setFilterImporter(&printer);
    filter.setFilterInfo(&info);
    filter.importMails(directory);
}

static int readIndex(const QStringList &arguments)
{
    KMIndexReader index(arguments.value(0));
    if (!index.readIndex()) {
        return 1;
    }
    for (const QString &asked : arguments.mid(1)) {
        bool isOffset = false;
        const quint64 offset = asked.toULongLong(&isOffset);
        const auto known = isOffset ? index.dataByOffset(offset) : index.dataByFileName(asked);
        if (!known) {
            print(asked, {QStringLiteral("unknown")}, {}, {});
            continue;
        }
        const Akonadi::MessageStatus &status = known->status();
        QStringList flags, keywords = known->tagList();
        if (status.isReplied()) {
            flags << QStringLiteral("\\Answered");
        }
        if (status.isImportant()) {
            flags << QStringLiteral("\\Flagged");
        }
        if (status.isRead()) {
            flags << QStringLiteral("\\Seen");
        }
        if (status.isForwarded()) {
            keywords << QStringLiteral("$Forwarded");
        }
        if (status.isSpam()) {
            keywords << QStringLiteral("$Junk");
        }
        print(asked, flags, keywords, {});
    }
    return 0;
}

int main(int count, char **words)
{
    qputenv("QT_QPA_PLATFORM", "offscreen");
    QApplication application(count, words);
    const QStringList arguments = application.arguments();
    const QString name = arguments.value(1), directory = arguments.value(2);
    if (name == QLatin1String("index")) {
        return readIndex(arguments.mid(2));
    }
    auto *gui = new MailImporter::FilterInfoGui;
    MailImporter::FilterInfo info;
    info.setFilterInfoGui(gui);
    const QHash<QString, void (*)(MailImporter::FilterInfo &, const QString &)> filters = {
        {QStringLiteral("evolution"), read<MailImporter::FilterEvolution>},
        {QStringLiteral("evolution3"), read<MailImporter::FilterEvolution_v3>},
        {QStringLiteral("kmail"), read<MailImporter::FilterKMail_maildir>},
        {QStringLiteral("oe"), read<MailImporter::FilterOE>},
        {QStringLiteral("opera"), read<MailImporter::FilterOpera>},
        {QStringLiteral("pegasus"), read<MailImporter::FilterPMail>},
        {QStringLiteral("sylpheed"), read<MailImporter::FilterSylpheed>},
        {QStringLiteral("thebat"), read<MailImporter::FilterTheBat>},
    };
    const auto reader = filters.value(name);
    if (!reader) {
        std::fprintf(stderr, "no such filter\n");
        return 2;
    }
    reader(info, directory);
    return 0;
}
