using Microsoft.ML;
using Microsoft.ML.Data;

namespace AdaBN.MLNet.Scoring;

/// <summary>A column that feeds an input of the model.</summary>
/// <param name="Tensor">The input.</param>
/// <param name="Column">The column, in the input's schema.</param>
/// <param name="Passed">Its place among the columns passed on, or null where it is not passed on.</param>
internal sealed record BoundInput(InputTensor Tensor, DataViewSchema.Column Column, int? Passed);

/// <summary>An output of the model.</summary>
/// <param name="Name">Its name.</param>
/// <param name="ElementType">The .NET type of its elements.</param>
/// <param name="Length">Values a row, or 0 where that is not known beforehand.</param>
internal sealed record BoundOutput(string Name, Type ElementType, int Length);

/// <summary>The columns that one pass over the rows asks for.</summary>
/// <param name="Passed">Columns of the input that are passed on.</param>
/// <param name="Inputs">The columns that feed the model, in the order of its scorer.</param>
/// <param name="Outputs">The outputs asked for.</param>
/// <param name="Places">
/// By index in the scored schema: the place in <paramref name="Passed"/>, the complement of that in <paramref name="Outputs"/>, or null
/// where the column is not asked for.
/// </param>
internal sealed record ActiveColumns(DataViewSchema.Column[] Passed, BoundInput[] Inputs, BoundOutput[] Outputs, int?[] Places);

/// <summary>Where the columns of a scored view come from: from the input, or from an output of the model.</summary>
internal sealed class ColumnMap
{
    // ML.NET drops this ending of an output's name.
    private const string OutputSuffix = ".output";

    private readonly (InputTensor Tensor, DataViewSchema.Column Column)[] _inputs;
    private readonly DataViewSchema.Column?[] _sources;
    private readonly Dictionary<int, BoundOutput> _outputs;

    private ColumnMap((InputTensor, DataViewSchema.Column)[] inputs, DataViewSchema.Column?[] sources, Dictionary<int, BoundOutput> outputs) =>
        (_inputs, _sources, _outputs) = (inputs, sources, outputs);

    /// <summary>Maps the columns of stock scoring's schema.</summary>
    /// <returns>Null where they do not fit batches: a row is no single dense sample of float (with the id of its domain), or an output no vector of numbers.</returns>
    public static ColumnMap? TryCreate(BatchScorer scorer, DataViewSchema input, DataViewSchema scored)
    {
        var inputs = scorer.Inputs.Select(tensor => (Tensor: tensor, Column: input.GetColumnOrNull(tensor.Name))).ToArray();
        bool fit = inputs.All(pair => pair.Tensor.IsDomain
            ? pair.Column?.Type == NumberDataViewType.Int64
            : pair.Column?.Type is VectorDataViewType vector && vector.ItemType == NumberDataViewType.Single && vector.Size == pair.Tensor.Length);
        if (!fit) return null;

        var outputs = new Dictionary<int, BoundOutput>();
        foreach (string name in scorer.Outputs)
        {
            if (scored.GetColumnOrNull(ColumnName(name)) is not { Type: VectorDataViewType { ItemType: NumberDataViewType or BooleanDataViewType } type } column
                || !outputs.TryAdd(column.Index, new BoundOutput(name, type.ItemType.RawType, type.Size))) return null;
        }

        // ML.NET keeps the input's columns, hidden ones too, in their order, and puts each output behind a column of its name or at the end.
        DataViewSchema.Column[] others = [.. scored.Where(column => !outputs.ContainsKey(column.Index))];
        if (!others.Select(column => column.Name).SequenceEqual(input.Select(column => column.Name))) return null;
        var sources = new DataViewSchema.Column?[scored.Count];
        for (int i = 0; i < others.Length; i++) sources[others[i].Index] = input[i];
        return new ColumnMap([.. inputs.Select(pair => (pair.Tensor, pair.Column!.Value))], sources, outputs);
    }

    /// <summary>What a pass has to read and to compute.</summary>
    /// <returns>Null where batches do not help: no output is asked for, or a column is that cannot be kept while the input moves on.</returns>
    public ActiveColumns? TryActivate(IEnumerable<DataViewSchema.Column> columnsNeeded)
    {
        var passed = new List<DataViewSchema.Column>();
        var outputs = new List<BoundOutput>();
        var places = new int?[_sources.Length];
        foreach (int index in columnsNeeded.Select(column => column.Index).Distinct())
        {
            if (_sources[index] is { } source)
            {
                places[index] = passed.Count;
                passed.Add(source);
            }
            else
            {
                places[index] = ~outputs.Count;
                outputs.Add(_outputs[index]);
            }
        }
        if (outputs.Count == 0 || !passed.All(column => PassedColumn.CanKeep(column.Type))) return null;
        return new ActiveColumns([.. passed], [.. _inputs.Select(Bind)], [.. outputs], places);

        BoundInput Bind((InputTensor Tensor, DataViewSchema.Column Column) input)
        {
            int place = passed.FindIndex(other => other.Index == input.Column.Index);
            return new BoundInput(input.Tensor, input.Column, place < 0 ? null : place);
        }
    }

    private static string ColumnName(string output) =>
        output.EndsWith(OutputSuffix, StringComparison.Ordinal) ? output.Replace(OutputSuffix, "", StringComparison.Ordinal) : output;
}
