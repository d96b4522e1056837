using AdaBN.Onnx;

namespace AdaBN.Cli;

/// <summary>A model to be run as its file has it.</summary>
/// <param name="Model">The file's model.</param>
/// <param name="Pictured">The model whose inputs data feeds: a bank's source, else itself.</param>
/// <param name="TakesDomain">Whether an input of it picks domains.</param>
internal sealed record ScorableModel(OnnxModel Model, OnnxModel Pictured, bool TakesDomain)
{
    public static ScorableModel Load(string path, int? step = null)
    {
        OnnxModel model = ModelFile.Load(path, step).Model;
        DomainBank? bank = DomainBank.IsBank(model) ? DomainBank.Open(model) : null;
        OnnxModel pictured = bank?.Source ?? model;
        Value[] inputs = [.. pictured.Graph.RequiredInputs];
        if (inputs.Length > 1) throw new ArgumentException($"{path} takes {inputs.Length} inputs ({string.Join("; ", inputs.Select(input => input.ToString()))}), expected one: --data feeds no more here. In code: ModelEvaluation, with samples of SampleSource.Zip.");
        return new ScorableModel(model, pictured, bank is { TellsDomains: false });
    }
}
