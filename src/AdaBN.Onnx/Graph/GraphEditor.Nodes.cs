using System.Globalization;
using AdaBN.Onnx.Serialization;
using Google.Protobuf;

namespace AdaBN.Onnx;

public static partial class GraphEditor
{
    private const int FloatAttribute = 1, IntAttribute = 2, StringAttribute = 3, IntsAttribute = 7;

    /// <summary>
    /// Gives a node input a constant of its own in place of whatever it reads. Nodes and initializers that nobody reads any more go;
    /// those that the caller sees stay.
    /// </summary>
    /// <param name="model">The model that holds the node.</param>
    /// <param name="node">The node to edit.</param>
    /// <param name="inputIndex">Position among the node's inputs.</param>
    /// <param name="type">Type of the elements.</param>
    /// <param name="dims">Length of each axis.</param>
    /// <param name="data">Row-major elements.</param>
    public static Initializer SetConstant(OnnxModel model, Node node, int inputIndex, ElementType type, IReadOnlyList<long> dims, double[] data)
    {
        Value old = node.Inputs[inputIndex] ?? throw new OnnxModelException($"{node} has no input {inputIndex}.");
        Initializer initializer = AddConstant(model, node.Graph, old.Name, type, dims, data);
        node.SetInput(inputIndex, initializer.Value);
        RemoveUnread(old);
        return initializer;
    }

    /// <summary>Adds an initializer under a name like the given one.</summary>
    public static Initializer AddConstant(OnnxModel model, Graph graph, string nameLike, ElementType type, IReadOnlyList<long> dims, double[] data)
    {
        Value value = graph.GetOrAddValue(UnusedName(graph, nameLike));
        value.Type = new TensorType(type, [.. dims.Select(dim => new Dimension(dim))]);
        var tensor = new TensorProto { Name = value.Name, DataType = (int)type, RawData = UnsafeByteOperations.UnsafeWrap(type.Write(data)) };
        tensor.Dims.Add(dims);
        return Add(model, value, tensor);
    }

    /// <summary>Adds an initializer of int64 numbers, a vector, under a name like the given one.</summary>
    public static Initializer AddIntegers(OnnxModel model, Graph graph, string nameLike, IReadOnlyList<long> data)
    {
        Value value = graph.GetOrAddValue(UnusedName(graph, nameLike));
        value.Type = new TensorType(ElementType.Int64, [new Dimension(data.Count)]);
        var tensor = new TensorProto { Name = value.Name, DataType = (int)ElementType.Int64 };
        tensor.Dims.Add(data.Count);
        tensor.Int64Data.Add(data);
        return Add(model, value, tensor);
    }

    /// <summary>Declares one more input of the model.</summary>
    /// <exception cref="OnnxModelException">The name is taken, in the main graph or a nested one.</exception>
    public static Value AddGraphInput(OnnxModel model, string name, TensorType type)
    {
        if (IsTaken(model.Graph, name)) throw new OnnxModelException($"The name '{name}' is taken; give the new input another.");
        Value value = model.Graph.GetOrAddValue(name);
        value.Type = type;
        model.Graph.AddInput(value);
        return value;
    }

    /// <summary>Gives a node an optional input that it leaves out so far: a new vector of constants.</summary>
    /// <param name="model">The model that holds the node.</param>
    /// <param name="node">The node to edit.</param>
    /// <param name="inputIndex">Position of the input: the next one, or one left empty.</param>
    /// <param name="nameLike">The constant is named like this.</param>
    /// <param name="type">Type of its elements.</param>
    /// <param name="data">The vector.</param>
    /// <exception cref="OnnxModelException">The input is there already, or inputs before it are missing.</exception>
    public static Initializer AddInput(OnnxModel model, Node node, int inputIndex, string nameLike, ElementType type, double[] data)
    {
        if (inputIndex > node.Inputs.Count || (inputIndex < node.Inputs.Count && node.Inputs[inputIndex] is not null))
            throw new OnnxModelException($"Input {inputIndex.ToString(CultureInfo.InvariantCulture)} of {node} cannot be added: it is there already, or one before it is missing.");
        Initializer vector = AddConstant(model, node.Graph, nameLike, type, [data.Length], data);
        if (inputIndex == node.Inputs.Count) node.AddInput(vector.Value);
        else node.SetInput(inputIndex, vector.Value);
        return vector;
    }

    /// <summary>
    /// Puts a node between a value and all that read it, nested graphs included. Where a node computes the value, the new one computes it
    /// from then on, for the caller too, from what the other gives under a new name; an input of the model keeps its name, and what the
    /// new node makes of it gets another.
    /// </summary>
    /// <param name="model">The model to edit.</param>
    /// <param name="value">A value that a node of the main graph computes, or an input that is read.</param>
    /// <param name="opType">The new node's operator, one of ONNX's own with a single output.</param>
    /// <param name="vectors">Its inputs behind the first, all float32 constants: names to name them like, and their data.</param>
    /// <returns>The new node.</returns>
    /// <exception cref="OnnxModelException">The value is neither, or a nested graph returns the input.</exception>
    public static Node InsertBehind(OnnxModel model, Value value, string opType, params IEnumerable<KeyValuePair<string, double[]>> vectors)
    {
        Node node = InsertBehind(model, value, opType, name: "");
        foreach ((string nameLike, double[] data) in vectors) node.AddInput(AddConstant(model, model.Graph, nameLike, ElementType.Float, [data.Length], data).Value);
        return node;
    }

    /// <summary>The same with a name, and inputs yet to come (<see cref="AppendInput"/>).</summary>
    /// <exception cref="OnnxModelException">The value is neither, or a nested graph returns the input.</exception>
    public static Node InsertBehind(OnnxModel model, Value value, string opType, string name)
    {
        Node? producer = value.Producer;
        if (value.Graph != model.Graph || (producer is null && (!value.IsGraphInput || value.Uses.Count == 0 || IsReturnedFromNested(value))))
            throw new OnnxModelException($"No node can be put behind '{value.Name}': no node of the main graph computes it, and it is no input that nodes alone read.");
        Value named = model.Graph.GetOrAddValue(UnusedName(model.Graph, value.Name));
        named.Type = value.Type;
        var node = new Node(model.Graph, new NodeProto { OpType = opType, Name = name });
        if (producer is not null)
        {
            producer.ReplaceOutput(value, named);
            model.Graph.AppendNode(node, producer);
        }
        else
        {
            MoveReaders(value, named);
            model.Graph.InsertNode(node, model.Graph.Nodes[0]);
        }
        node.AddInput(producer is null ? value : named);
        node.AddOutput(producer is null ? named : value);
        return node;
    }

    /// <summary>Lets all nodes that read a value read another instead, those in nested graphs included. The caller sees what it saw.</summary>
    /// <param name="from">A value.</param>
    /// <param name="to">Another of the same graph.</param>
    /// <exception cref="OnnxModelException">A nested graph returns the value as it is, or they are not of one graph.</exception>
    public static void MoveReaders(Value from, Value to)
    {
        if (from.Graph != to.Graph || IsReturnedFromNested(from))
            throw new OnnxModelException($"What reads '{from.Name}' cannot read '{to.Name}' instead: {(from.Graph != to.Graph ? "they are of two graphs" : "a nested graph returns it as it is")}.");
        foreach (Use use in from.Uses.ToArray()) use.Consumer.SetInput(use.InputIndex, to);
        foreach (Node node in from.Graph.NodesAndNested()) node.ReplaceCapture(from, to);
    }

    /// <summary>Undoes an <see cref="InsertBehind(OnnxModel, Value, string, string)"/>: the producer of the node's first input computes the node's output again. What only the node has read goes.</summary>
    /// <exception cref="OnnxModelException">The node's first input is read elsewhere, or no node computes it.</exception>
    public static void RemoveBehind(Node node)
    {
        if (node is not { Inputs: [{ Producer: { } producer, Uses.Count: 1, IsGraphOutput: false } before, ..], Outputs: [{ } value] } || producer.Graph != node.Graph)
            throw new OnnxModelException($"{node} cannot be taken out: expected a node with one output, whose first input another node of its graph computes for it alone.");
        Value[] read = [.. node.Dependencies.Where(input => input != before)];
        producer.ReplaceOutput(before, value);
        node.Graph.RemoveNode(node);
        node.Graph.Forget(before);
        foreach (Value other in read) RemoveUnread(other);
    }

    /// <summary>Gives a node one more input, behind those that it has.</summary>
    public static void AppendInput(Node node, Value value)
    {
        if (value.Graph != node.Graph) throw new OnnxModelException($"{node} cannot read '{value.Name}' of another graph.");
        node.AddInput(value);
    }

    /// <summary>Takes an input that no node reads out of the model, with the default that it may have.</summary>
    /// <exception cref="OnnxModelException">It is read, or it is no input.</exception>
    public static void RemoveGraphInput(OnnxModel model, Value value)
    {
        if (!value.IsGraphInput || value.Graph != model.Graph || value.Uses.Count > 0 || value.IsGraphOutput)
            throw new OnnxModelException($"'{value.Name}' cannot be taken out of the model's inputs: it is none, or it is read.");
        model.Graph.RemoveInput(value);
        if (value.Initializer is { } initializer) model.Graph.RemoveInitializer(initializer);
        else model.Graph.Forget(value);
    }

    /// <summary>Adds a node with one output, in front of another.</summary>
    /// <param name="before">The node in front of which it goes.</param>
    /// <param name="opType">One of ONNX's own operators.</param>
    /// <param name="inputs">What it reads.</param>
    /// <param name="outputNameLike">Its output is named like this.</param>
    /// <param name="integers">Integer attributes.</param>
    /// <returns>What the node computes.</returns>
    public static Value InsertNode(Node before, string opType, IReadOnlyList<Value> inputs, string outputNameLike, params IEnumerable<KeyValuePair<string, long[]>> integers)
    {
        return InsertNode(before, opType, inputs, [outputNameLike], integers).Outputs[0]!;
    }

    /// <summary>Adds a node in front of another.</summary>
    /// <param name="before">The node in front of which it goes.</param>
    /// <param name="opType">One of ONNX's own operators.</param>
    /// <param name="inputs">What it reads; null for an optional input left out.</param>
    /// <param name="outputNamesLike">Its outputs are named like these.</param>
    /// <param name="integers">Integer attributes.</param>
    public static Node InsertNode(Node before, string opType, IReadOnlyList<Value?> inputs, IReadOnlyList<string> outputNamesLike, params IEnumerable<KeyValuePair<string, long[]>> integers) =>
        Insert(before, opType, inputs, [.. outputNamesLike.Select(like => before.Graph.GetOrAddValue(UnusedName(before.Graph, like)))], integers);

    /// <summary>Puts a node with one output in another's place, under its name. What only the other has read goes.</summary>
    /// <param name="old">The node to replace; it has one output, which stays.</param>
    /// <param name="opType">One of ONNX's own operators.</param>
    /// <param name="inputs">What the new node reads.</param>
    /// <param name="integers">Integer attributes.</param>
    /// <returns>The new node.</returns>
    public static Node ReplaceNode(Node old, string opType, IReadOnlyList<Value> inputs, params IEnumerable<KeyValuePair<string, long[]>> integers)
    {
        if (old.Outputs is not [{ } output]) throw new OnnxModelException($"{old} has {old.Outputs.Count} outputs and cannot be replaced by a node of one.");
        Node node = Insert(old, opType, inputs, [output], integers, old.Name);
        Remove(old);
        return node;
    }

    /// <summary>Takes out a node with one output, which another node computes from then on. What only the old one has read goes.</summary>
    /// <param name="old">The node to take out; its output stays, for all that read it.</param>
    /// <param name="by">What takes the output's place, until now under another name: computed by a node of the same graph, read by nobody.</param>
    /// <exception cref="OnnxModelException">The values cannot change places.</exception>
    public static void ReplaceNode(Node old, Value by)
    {
        if (old.Outputs is not [{ } output]) throw new OnnxModelException($"{old} has {old.Outputs.Count} outputs and cannot be replaced by a node of one.");
        if (by.Producer is not { } producer || producer == old || by.Graph != old.Graph || by.Uses.Count > 0 || by.IsGraphOutput)
            throw new OnnxModelException($"'{by.Name}' cannot take the place of '{output.Name}': expected a value that another node of the same graph computes and nobody reads.");
        producer.ReplaceOutput(by, output);
        by.Graph.Forget(by);
        Remove(old);
    }

    /// <summary>Gives a node input another value of the same graph; what the node alone has read there stays.</summary>
    public static void SetInput(Node node, int inputIndex, Value value)
    {
        if (value.Graph != node.Graph) throw new OnnxModelException($"{node} cannot read '{value.Name}' of another graph.");
        node.SetInput(inputIndex, value);
    }

    /// <summary>Takes away all outputs of a node but its first.</summary>
    /// <exception cref="OnnxModelException">Another output is read.</exception>
    public static void KeepFirstOutput(Node node)
    {
        Value[] extra = [.. node.Outputs.Skip(1).OfType<Value>()];
        if (extra.FirstOrDefault(value => value.Uses.Count > 0 || value.IsGraphOutput) is { } read) throw new OnnxModelException($"Output '{read.Name}' of {node} is read.");
        foreach (Value value in extra) node.Graph.Forget(value);
        node.KeepFirstOutput();
    }

    /// <summary>Gives a node another name.</summary>
    public static void Rename(Node node, string name) => node.Rename(name);

    /// <summary>Sets an integer attribute.</summary>
    public static void SetInt(Node node, string name, long value) => node.SetAttribute(name, new AttributeProto { Name = name, Type = IntAttribute, I = value });

    /// <summary>Sets a float attribute.</summary>
    public static void SetFloat(Node node, string name, float value) => node.SetAttribute(name, new AttributeProto { Name = name, Type = FloatAttribute, F = value });

    /// <summary>Sets an attribute of integers.</summary>
    public static void SetInts(Node node, string name, IReadOnlyList<long> values)
    {
        var attribute = new AttributeProto { Name = name, Type = IntsAttribute };
        attribute.Ints.Add(values);
        node.SetAttribute(name, attribute);
    }

    /// <summary>Sets a text attribute.</summary>
    public static void SetText(Node node, string name, string value) => node.SetAttribute(name, new AttributeProto { Name = name, Type = StringAttribute, S = ByteString.CopyFromUtf8(value) });

    /// <summary>Takes away an attribute, if it is there.</summary>
    public static void RemoveAttribute(Node node, string name)
    {
        if (node.HasAttribute(name)) node.SetAttribute(name, null);
    }

    private static Node Insert(Node before, string opType, IReadOnlyList<Value?> inputs, IReadOnlyList<Value> outputs, IEnumerable<KeyValuePair<string, long[]>> integers, string name = "")
    {
        var proto = new NodeProto { OpType = opType, Name = name };
        proto.Input.AddRange(inputs.Select(input => input?.Name ?? ""));
        proto.Output.AddRange(outputs.Select(output => output.Name));
        proto.Attribute.AddRange(integers.Select(attribute =>
        {
            var written = new AttributeProto { Name = attribute.Key, Type = IntsAttribute };
            written.Ints.AddRange(attribute.Value);
            return written;
        }));
        var node = new Node(before.Graph, proto);
        foreach (Value? input in inputs) node.AddInput(input);
        foreach (Value output in outputs) node.AddOutput(output);
        before.Graph.InsertNode(node, before);
        return node;
    }

    private static Initializer Add(OnnxModel model, Value value, TensorProto tensor)
    {
        var initializer = new Initializer(value, tensor);
        AddInitializer(model, initializer, declare: value.Graph.Owner is null);
        return initializer;
    }

    private static bool IsReturnedFromNested(Value value) => value.Uses.Any(use => use.InputIndex < 0);

    private static void Remove(Node node)
    {
        Value[] read = [.. node.Dependencies];
        node.Graph.RemoveNode(node);
        foreach (Value value in read) RemoveUnread(value);
    }

    private static void RemoveUnread(Value value)
    {
        if (value.Uses.Count > 0 || value.IsGraphOutput || value.IsGraphInput) return;
        if (value.Initializer is { } initializer)
        {
            value.Graph.RemoveInitializer(initializer);
        }
        else if (value.Producer is { } producer && producer.Outputs.OfType<Value>().All(output => output.Uses.Count == 0 && !output.IsGraphOutput))
        {
            Value[] read = [.. producer.Dependencies];
            producer.Graph.RemoveNode(producer);
            foreach (Value dependency in read) RemoveUnread(dependency);
        }
    }
}
