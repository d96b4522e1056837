using System.Globalization;
using AdaBN.Onnx;

namespace AdaBN.Domains;

/// <summary>
/// A bank as nodes. The source model stays whole; behind each layer that some domain changes stand Mul and Add, whose operands are rows of two tables (row 0 the source's, then a
/// row a domain), gathered by the row numbers of the batch. These come from the ids once a model: Equal with the ids known, a product with their row
/// numbers, so that an id without a row gives row 0, or one beyond the tables, at which Gather fails. Standard operators, from opset 7.
/// </summary>
internal static class BankGraph
{
    private const string Prefix = "adabn.domains/", ShiftNodes = Prefix + "shift/", FactorNodes = Prefix + "factor/";
    private const long LowestOpset = 7, MostRows = 1 << 20;
    private const double NoRow = 1 << 24; // float32 still tells it from its neighbours

    /// <exception cref="AdaptationException">The model's operator set lacks what a bank is written in.</exception>
    public static void CheckOpset(OnnxModel model)
    {
        if (model.Opset >= LowestOpset) return;
        throw new AdaptationException(AdaptationError.UnsupportedForm, string.Create(CultureInfo.InvariantCulture,
            $"The model's operator set is {model.Opset}, a bank needs {LowestOpset} or later. Convert the model (onnx.version_converter)."));
    }

    /// <summary>Writes the rows of all domains into a model.</summary>
    /// <param name="model">The source model; it is edited.</param>
    /// <param name="input">The name of the input that picks domains; null where there is a router.</param>
    /// <param name="router">What picks domains instead, from the image itself; or null.</param>
    /// <param name="unknown">What an unknown id does.</param>
    /// <param name="domains">Each domain's id and corrections.</param>
    public static void Write(OnnxModel model, string? input, DomainRouter? router, UnknownDomain unknown, IReadOnlyList<(long Id, IReadOnlyDictionary<string, DomainCorrection> Corrections)> domains)
    {
        if (domains.Count >= MostRows) throw new AdaptationException(AdaptationError.UnsupportedForm, string.Create(CultureInfo.InvariantCulture, $"A bank holds fewer than {MostRows} domains."));
        Value? id = input is null ? null : GraphEditor.AddGraphInput(model, input, new TensorType(ElementType.Int64, [new Dimension(null, "domains"), new Dimension(1)]));
        Dictionary<string, DomainCorrection> shapes = [];
        foreach ((string output, DomainCorrection correction) in domains.SelectMany(domain => domain.Corrections)) shapes.TryAdd(output, correction.Identity);
        if (shapes.Count == 0) return; // every domain keeps the source's statistics: the input decides nothing
        Value rows = WriteRows(model, id ?? router!.Write(model, Prefix), model.Graph.Nodes.First(node => !node.Name.StartsWith(Prefix, StringComparison.Ordinal)), unknown, [.. domains.Select(domain => domain.Id)]);
        foreach (string output in model.Graph.Nodes.SelectMany(node => node.Outputs).OfType<Value>().Select(value => value.Name).Where(shapes.ContainsKey).ToArray())
        {
            DomainCorrection[] table = [shapes[output], .. domains.Select(domain => domain.Corrections.GetValueOrDefault(output, shapes[output]))];
            model.Graph.TryGetValue(output, out Value? value);
            Node add = Insert(model, value!, "Add", ShiftNodes + output, table, row => row.Shifts, rows);
            Insert(model, add.Inputs[0]!, "Mul", FactorNodes + output, table, row => row.Factors, rows);
        }
    }

    /// <summary>Takes the rows out of a model, which is the source model then.</summary>
    /// <param name="model">The bank; it is edited.</param>
    /// <param name="input">The name of the input that picks domains; null where they are told from the image.</param>
    /// <param name="ids">The domains' ids, in the order of their rows.</param>
    /// <exception cref="AdaptationException">Its nodes are not those that were written.</exception>
    public static IReadOnlyList<IReadOnlyDictionary<string, DomainCorrection>> TakeOut(OnnxModel model, string? input, IReadOnlyList<long> ids)
    {
        var corrections = ids.Select(_ => new Dictionary<string, DomainCorrection>()).ToArray();
        foreach (Node add in model.Graph.Nodes.Where(node => node.Name.StartsWith(ShiftNodes, StringComparison.Ordinal)).ToArray())
        {
            if (add is not { OpType: "Add", Inputs: [{ Producer: { OpType: "Mul", Inputs.Count: 2 } mul }, { }], Outputs: [{ } output] }) throw Damaged(add);
            (Initializer shifts, Initializer factors) = (TableOf(add, ids.Count), TableOf(mul, ids.Count));
            if (!shifts.Dims.SequenceEqual(factors.Dims) || shifts.ElementType != factors.ElementType) throw Damaged(add);
            long[] dims = [.. shifts.Dims.Skip(1)];
            int channels = checked((int)dims.Aggregate(1L, (product, length) => product * length));
            (double[] shift, double[] factor) = (shifts.ToDoubleArray(), factors.ToDoubleArray());
            for (int i = 0; i < ids.Count; i++)
            {
                Range row = ((i + 1) * channels)..((i + 2) * channels);
                var correction = new DomainCorrection(shifts.ElementType, dims, factor[row], shift[row]);
                if (!correction.IsIdentity) corrections[i].Add(output.Name, correction);
            }
            GraphEditor.RemoveBehind(add);
            GraphEditor.RemoveBehind(mul);
        }
        foreach (Node left in model.Graph.Nodes.Where(node => node.Name.StartsWith(Prefix, StringComparison.Ordinal))) throw Damaged(left);
        if (input is not null)
        {
            if (!model.Graph.TryGetValue(input, out Value? id) || id is { IsGraphInput: false } or { Uses.Count: > 0 }) throw new AdaptationException(AdaptationError.InvalidPatch, $"The bank has no input '{input}' that its domains alone read. {Changed}");
            GraphEditor.RemoveGraphInput(model, id);
        }
        foreach (Value declared in model.Graph.Inputs.Where(value => value.Name.StartsWith(Prefix, StringComparison.Ordinal)).ToArray()) GraphEditor.RemoveGraphInput(model, declared); // as IR versions before 4 have it
        return corrections;
    }

    private const string Changed = "Another tool has changed the file since; make the bank anew from the source model and exported domains.";

    private static Value WriteRows(OnnxModel model, Value id, Node first, UnknownDomain unknown, IReadOnlyList<long> ids)
    {
        double otherwise = unknown == UnknownDomain.UsesSource ? 0 : NoRow;
        Value known = GraphEditor.AddIntegers(model, model.Graph, $"{Prefix}ids", [DomainBank.SourceId, .. ids]).Value;
        Value isKnown = Op("Cast", Op("Equal", id, known));
        GraphEditor.SetInt(isKnown.Producer!, "to", (long)ElementType.Float);
        Value numbers = GraphEditor.AddConstant(model, model.Graph, $"{Prefix}rows", ElementType.Float, [ids.Count + 1, 1], [.. Enumerable.Range(0, ids.Count + 1).Select(row => row - otherwise)]).Value;
        Value row = Op("Cast", Op("Add", Op("MatMul", isKnown, numbers), GraphEditor.AddConstant(model, model.Graph, $"{Prefix}unknown", ElementType.Float, [1], [otherwise]).Value));
        GraphEditor.SetInt(row.Producer!, "to", (long)ElementType.Int64);
        return Op("Reshape", row, GraphEditor.AddIntegers(model, model.Graph, $"{Prefix}flat", [-1]).Value);

        Value Op(string opType, params Value[] inputs)
        {
            Value output = GraphEditor.InsertNode(first, opType, inputs, $"{Prefix}{opType}");
            GraphEditor.Rename(output.Producer!, output.Name); // node names have to differ
            return output;
        }
    }

    private static Node Insert(OnnxModel model, Value value, string opType, string name, DomainCorrection[] table, Func<DomainCorrection, double[]> column, Value rows)
    {
        Node node = GraphEditor.InsertBehind(model, value, opType, name);
        Value stored = GraphEditor.AddConstant(model, model.Graph, name, table[0].Type, [table.Length, .. table[0].Dims], [.. table.SelectMany(column)]).Value;
        Value row = GraphEditor.InsertNode(node, "Gather", [stored, rows], $"{name}.row");
        GraphEditor.Rename(row.Producer!, $"{Prefix}gather, fails where the domain is unknown/{name[Prefix.Length..]}");
        GraphEditor.AppendInput(node, row);
        return node;
    }

    private static Initializer TableOf(Node node, int domains)
    {
        if (node is { Inputs: [_, { Producer: { OpType: "Gather", Inputs: [{ Initializer: { } table }, ..] } }] } && table.ElementType.IsFloatingPoint() && table.Dims is [var rows, ..] && rows == domains + 1) return table;
        throw Damaged(node);
    }

    private static AdaptationException Damaged(Node node) => new(AdaptationError.InvalidPatch, $"{node} is not as a bank of domains has it. {Changed}");
}
