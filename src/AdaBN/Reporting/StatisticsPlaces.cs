using AdaBN.Forms;
using AdaBN.Onnx;

namespace AdaBN.Reporting;

/// <summary>Where a model keeps what an adaptation may change: running means and variances, and weights that they were folded into.</summary>
internal sealed class StatisticsPlaces
{
    private const int Weights = 1, Bias = 2;
    private readonly HashSet<(Node, int)> _places = [];

    /// <summary>Finds in both of two models the places that one of them tells.</summary>
    public static StatisticsPlaces In((OnnxModel Model, FormSurvey Survey) first, (OnnxModel Model, FormSurvey Survey) second)
    {
        var found = new StatisticsPlaces();
        foreach ((NodePath path, int input) in first.Survey.Layers.Concat(second.Survey.Layers).Where(layer => layer.Info.CanAdapt).SelectMany(PathsOf))
        {
            foreach (OnnxModel model in (OnnxModel[])[first.Model, second.Model])
                if (path.TryFind(model) is { } node) found._places.Add((node, input));
        }
        return found;
    }

    /// <summary>Whether a tensor is read, and as statistics only.</summary>
    public bool Hold(TensorDifference tensor) => new[] { tensor.Stored.First, tensor.Stored.Second }.OfType<Initializer>().All(stored => IsStatistics(stored.Value));

    /// <summary>Whether a node makes nothing but statistics out of constants, or differs only in that it reads its own from tensors of other names.</summary>
    public bool Hold(NodeDifference node)
    {
        if (node.Kind != DifferenceKind.Changed) return IsStatistics((node.Stored.First ?? node.Stored.Second)!);
        return node is { Changes: [NodeDifference.Inputs], Stored: ({ } first, { } second) } && first.Inputs.Count == second.Inputs.Count
            && first.Inputs.Zip(second.Inputs).Index().All(input => input.Item.First?.Name == input.Item.Second?.Name || _places.Contains((second, input.Index)));
    }

    private bool IsStatistics(Value value) => !value.IsGraphOutput && value.Uses.Count > 0 && value.Uses.All(use => _places.Contains((use.Consumer, use.InputIndex)) || IsStatistics(use.Consumer));

    private bool IsStatistics(Node node) => node.Outputs.Count > 0 && node.Outputs.OfType<Value>().All(IsStatistics);

    private static IEnumerable<(NodePath Node, int Input)> PathsOf(FoundLayer layer) => layer switch
    {
        { Batch: { } batch } => [(batch.Mean.Node, batch.Mean.Input), (batch.Variance.Node, batch.Variance.Input)],
        { Folded: { } folded } => [(folded.Path, Weights), (folded.Path, Bias)],
        _ => [],
    };
}
