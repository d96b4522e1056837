using System.Collections.Concurrent;
using AdaBN.Distributed;
using AdaBN.Input;
using AdaBN.Onnx;
using AdaBN.Storage;

namespace AdaBN.Measurement;

/// <summary>What the model's last stage gives for chosen samples: one row of scores each.</summary>
/// <param name="samples">Numbers of the samples, in the order of the rows.</param>
internal sealed class ScoreSheet(IReadOnlyList<long> samples)
{
    private readonly Dictionary<long, int> _places = samples.Select((sample, row) => (sample, row)).ToDictionary(pair => pair.sample, pair => pair.row);
    private readonly ConcurrentDictionary<int, float[]> _rows = new();
    private volatile bool _isOther;

    /// <summary>The scores, a row a sample; null where the output is not one number a class for each sample.</summary>
    public float[][]? Rows => _isOther || _rows.Count < samples.Count ? null : [.. Enumerable.Range(0, samples.Count).Select(row => _rows[row])];

    /// <summary>Notes that there are no scores to be had.</summary>
    public void Refuse() => _isOther = true;

    /// <summary>After the last batch: takes the rows of other processes.</summary>
    public void Merge(Ranks ranks, CancellationToken cancellationToken)
    {
        IReadOnlyList<(bool IsOther, (int Row, float[] Scores)[] Rows)> all = ranks.Gather(
            writer =>
            {
                writer.Write(_isOther);
                writer.Write(_rows.Count);
                foreach ((int row, float[] scores) in _rows)
                {
                    writer.Write(row);
                    Records.Write(writer, scores);
                }
            },
            reader => (reader.ReadBoolean(), Enumerable.Range(0, reader.ReadInt32()).Select(_ => (reader.ReadInt32(), Records.ReadSingles(reader))).ToArray()), cancellationToken);
        _isOther = all.Any(sheet => sheet.IsOther);
        foreach ((int row, float[] scores) in all.SelectMany(sheet => sheet.Rows)) _rows[row] = scores;
    }

    /// <summary>Takes the scores of a batch.</summary>
    public void Add(BoundTensor tensor, TensorForm form, Batch batch)
    {
        bool isClassScores = form is { ElementType: ElementType.Float, RowsPerSample: 1, Tail: [>= 2, ..], Positions: 1 } && tensor.Shape.SequenceEqual(form.Shape(batch.Rows));
        if (!isClassScores) _isOther = true;
        for (int i = 0; i < batch.Samples && isClassScores; i++)
            if (_places.TryGetValue(batch.Before + batch.First + i, out int row)) _rows[row] = tensor.Slot.Floats(i * form.SampleLength, (int)form.Tail[0]).ToArray();
    }
}
