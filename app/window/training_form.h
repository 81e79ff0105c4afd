#pragma once
// The options of a training, to be filled in.

#include <QWidget>

#include "core/train/train.h"

class QCheckBox;
class QComboBox;
class QDoubleSpinBox;
class QLineEdit;
class QListWidget;
class QSpinBox;
class QToolButton;

namespace fovea {

class TrainingForm : public QWidget {
    Q_OBJECT

public:
    explicit TrainingForm(QWidget* parent = nullptr);

    TrainOptions options() const;
    // All but the folder.
    void setOptions(const TrainOptions& options);
    void setFolder(const QString& folder);
    void setEditable(bool editable);
    // The first thing that is missing or does not fit, as a sentence; empty: it can be begun.
    QString refusal() const;

Q_SIGNALS:
    void changed();
    void folderChanged(const QString& folder);

private:
    void addTexts();
    void chooseFolder();
    void makeFields();
    void lay();

    QListWidget* m_texts;
    QToolButton *m_add, *m_remove, *m_choose;
    QLineEdit* m_folder;
    QDoubleSpinBox* m_length;
    QComboBox* m_lengthUnit; // million tokens, minutes
    QSpinBox *m_width, *m_layers, *m_heads, *m_kvHeads, *m_ffn, *m_vocabulary;
    QComboBox *m_context, *m_batch;
    QDoubleSpinBox* m_rate; // in thousandths
    QSpinBox *m_accumulate, *m_validate, *m_save, *m_threads, *m_seed;
    QCheckBox* m_keepBest;
};

} // namespace fovea
